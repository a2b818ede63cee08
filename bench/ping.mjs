// `test.ping` of one minion: by request (`<ns>.publish`, then the return), beside one raw NATS request and reply; by the
// command line, beside a Node process that connects and makes one raw request.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createStack } from '../dist/base/service.js'
import { callMinions } from '../dist/call/collect.js'
import { createJidSource } from '../dist/protocol/jid.js'
import { median, row } from './measure.mjs'
import { CLI, openBus, startProcess, startScript } from './stage.mjs'

export const title = 'test.ping on one minion (raw: one NATS request and reply)'

const NAMESPACE = 'ping'
const RAW_REQUEST = fileURLToPath(new URL('raw-request.mjs', import.meta.url))

export async function run(stage, { count, runs }) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, NAMESPACE)
    stack.defer(() => bus.close())
    const processes = [
      [['master']],
      [['worker', 'cache']],
      [['worker', 'jobs']],
      [['minion'], { minion: { id: 'bench', dir: join(stage.dir, 'minion') } }],
    ]
    for (const [args, config] of processes) stack.add(await startProcess(stage, NAMESPACE, args, config))
    stack.add(await startScript('chain.mjs', ['worker', stage.url, NAMESPACE_ECHO]))

    const calls = Math.max(200, count / 60)
    const taken = { real: [], raw: [] }
    const newJid = createJidSource()
    for (let n = -50; n < calls; n++) {
      const raw = await timed(() => bus.nc.request(`${NAMESPACE_ECHO}.echo`, 'ping', { timeout: 5000 }))
      const real = await timed(() => ping(bus, newJid()))
      if (n < 0) continue
      taken.raw.push(raw)
      taken.real.push(real)
    }
    const cli = { real: [], raw: [] }
    for (let n = -1; n < runs; n++) {
      const raw = await timed(() => runNode([RAW_REQUEST, stage.url, `${NAMESPACE_ECHO}.echo`], '"ping"'))
      const connect = ['--server', stage.url, '--namespace', NAMESPACE]
      const real = await timed(() => runNode([CLI, 'call', ...connect, '--json', 'bench', 'test.ping'], '{"bench":true}'))
      if (n < 0) continue
      cli.raw.push(raw)
      cli.real.push(real)
    }
    return [
      row({ name: 'test.ping by request, p50', unit: 'ms', real: median(taken.real), raw: median(taken.raw) }),
      row({
        name: 'test.ping by command line, p50',
        unit: 'ms',
        real: median(cli.real),
        raw: median(cli.raw),
        aim: { of: 'value', atMost: 400 },
      }),
    ]
  } finally {
    await stack.stop()
  }
}

const NAMESPACE_ECHO = 'pingraw'

async function ping(bus, jid) {
  const request = { tgt: 'bench', tgt_type: 'glob', fun: 'test.ping' }
  let answer
  const onReturn = returned => {
    answer = returned.return
  }
  await callMinions(bus, jid, request, { onReturn }, { timeoutMs: 5000, signal: new AbortController().signal, user: 'bench' })
  if (answer !== true) throw new Error(`test.ping gave ${JSON.stringify(answer)}, expected true`)
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Runs a program of Node to its end; what it prints must be `expected`, white space aside. */
function runNode(args, expected) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', text => {
      output += text
    })
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0 && output.replace(/\s/g, '') === expected) resolve()
      else reject(new Error(`${args.join(' ')} ended with exit code ${code} and printed ${output.slice(0, 200)}`))
    })
  })
}
