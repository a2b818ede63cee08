// A state run with nothing to do: 100 files kept from salt://, and 100 with their contents in the SLS, on one real minion; from the
// call to the return, beside a test.ping by the same way.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { callMinions } from '../dist/call/collect.js'
import { createJidSource } from '../dist/protocol/jid.js'
import { median, row } from './measure.mjs'
import { openBus, startProcess } from './stage.mjs'

export const title = 'a state run with nothing to do, 100 states (raw: test.ping)'

const NAMESPACE = 'states'
const STATES = 100

export async function run(stage, { runs }) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, NAMESPACE)
    stack.defer(() => bus.close())
    const dir = name => join(stage.dir, `${NAMESPACE}-${name}`)
    await writeSls(dir('salt'), dir('www'))
    await mkdir(dir('pillar'), { recursive: true })
    const roots = { file_roots: { base: [dir('salt')] }, pillar_roots: { base: [dir('pillar')] } }
    for (const [args, config] of [
      [['master'], roots],
      [['worker', 'cache'], { cache: { dir: dir('cache') } }],
      [['worker', 'jobs'], {}],
      [['minion'], { minion: { id: 'bench', dir: dir('minion') } }],
    ])
      stack.add(await startProcess(stage, NAMESPACE, args, config))
    const call = caller(bus)
    await call('state.sls', ['source,contents'])
    const results = []
    for (const [sls, what] of [
      ['source', 'files from salt://'],
      ['contents', 'files with contents'],
    ]) {
      const [raw, real] = [[], []]
      for (let n = -3; n < runs * 5; n++) {
        const ping = await timed(() => call('test.ping', []))
        const took = await timed(async () => requireIdle(await call('state.sls', [sls])))
        if (n < 0) continue
        raw.push(ping)
        real.push(took)
      }
      results.push(
        row({ name: `${STATES} ${what}: a run, p50`, unit: 'ms', real: median(real), raw: median(raw) }),
        row({ name: `${STATES} ${what}: each state, p50`, unit: 'ms', real: (median(real) - median(raw)) / STATES }),
      )
    }
    return results
  } finally {
    await stack.stop()
  }
}

async function writeSls(salt, www) {
  await mkdir(join(salt, 'files'), { recursive: true })
  const all = Array.from({ length: STATES }, (_, n) => n)
  for (const n of all) await writeFile(join(salt, 'files', `${n}.txt`), `file ${n}\n`.repeat(100))
  const sls = argument => all.map(n => `${www}/${argument(n)[0]}-${n}:\n  file.managed:\n    - makedirs: True\n    - ${argument(n)[1]}\n`).join('')
  await writeFile(join(salt, 'source.sls'), sls(n => ['source', `source: salt://files/${n}.txt`]))
  await writeFile(join(salt, 'contents.sls'), sls(n => ['contents', `contents: file ${n}`]))
}

function caller(bus) {
  const newJid = createJidSource()
  return async (fun, arg) => {
    let answer
    const onReturn = returned => {
      answer = returned
    }
    const request = { tgt: 'bench', tgt_type: 'glob', fun, arg }
    const options = { timeoutMs: 60_000, signal: new AbortController().signal, user: 'bench' }
    await callMinions(bus, newJid(), request, { onReturn }, options)
    if (!answer?.success) throw new Error(`${fun} gave ${JSON.stringify(answer)?.slice(0, 300)}, expected a success`)
    return answer.return
  }
}

function requireIdle(run) {
  const results = Object.values(run)
  const busy = results.filter(one => one.result !== true || Object.keys(one.changes).length > 0)
  if (results.length !== STATES || busy.length > 0) throw new Error(`${results.length} states, ${busy.length} of them not at rest: ${JSON.stringify(busy[0])}`)
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}
