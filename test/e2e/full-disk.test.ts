// A disk on which nothing can be written, as a limit on the processes that use it: no file of theirs may grow. For the
// server, for the cache worker and for a minion, one after the other; and each goes on by itself once there is room.
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operatorInbox } from '../../src/protocol/inbox.ts'
import { type Seen, within } from '../helpers/wait.ts'
import { type Ended, type Running, startReactor, watchEffects } from './reactor.ts'

/** Of util-linux; it may lower and raise the soft limit of one's own processes. */
const hasLimits = spawnSync('prlimit', ['--version']).status === 0

const RULES = `
rule: effect
on: load/*
do:
  - runner.event.send: { tag: "effect/{{ data.n }}", data: { n: "{{ data.n }}" } }
`

/** Whether files of these processes may grow. */
function mayWrite(may: boolean, ...pids: number[]): void {
  for (const pid of pids) {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), may ? '--fsize=unlimited' : '--fsize=1:'])
    if (status !== 0) throw new Error(`prlimit ${pid}: ${stderr}`)
  }
}

describe.skipIf(!hasLimits)('a full disk', () => {
  let reactor: Running
  let rules: string
  let nc: NatsConnection
  let effects: Seen<number>
  beforeAll(async () => {
    rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    await writeFile(join(rules, 'load.yaml'), RULES)
    reactor = await startReactor({ args: ['--id', 'web1', '--no-tail'], rules })
    const seed = (await readFile(join(reactor.dir, 'var/keys/admin.nk'), 'utf8')).trim()
    nc = await connect({
      servers: reactor.ready.server,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      inboxPrefix: operatorInbox('admin'),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    })
    effects = await watchEffects(nc)
  })
  afterAll(async () => {
    await nc.close()
    await reactor.clean()
    await rm(rules, { recursive: true, force: true })
  })

  const send = (n: number) => reactor.run('send', `load/${n}`, `{"n": ${n}}`)
  /** A command again and again, until it ends as wanted. */
  async function until(what: string, wanted: (ended: Ended) => boolean, ...words: string[]): Promise<Ended> {
    let last: Ended | undefined
    const ask = async () => {
      do last = await reactor.run(...words)
      while (!wanted(last))
      return last
    }
    return within(ask(), what).catch(error => {
      throw new Error(`${error}; at last ${JSON.stringify(last)}`)
    })
  }

  it('under the server: an event is refused with the reason, what was stored stays, and all goes on when there is room', async () => {
    for (const n of [1, 2, 3]) expect((await send(n)).code).toBe(0)
    await effects.reach(3)
    const { 'nats-server': server } = reactor.ready.processes
    // The supervisor finds the same disk full.
    mayWrite(false, server!, reactor.ready.pid)
    const refused = await send(4)
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(/was not stored in time: .*is the disk under its store full/)
    expect(reactor.said.items.filter(line => line.includes('is running again'))).toEqual([])
    mayWrite(true, reactor.ready.pid, server!)
    // Its log is on the same disk: that it could not write is said when it can be, and the server is started anew.
    await until('a stored event', ({ code }) => code === 0, 'send', 'load/5', '{"n": 5}')
    await reactor.said.find(line => line.includes('nats-server cannot write its store in'), 'the word of the full disk')
    await reactor.said.find(line => line.includes('nats-server is running again'), 'the server with room')
    // From the store: this test's own link may be back later than the effect.
    const last = ['tail', 'effect/5', '--since', '10m', '--json', '--count', '1']
    const effect = await until('the effect', ({ stdout }) => stdout.includes('effect/5'), ...last)
    expect(JSON.parse(effect.stdout)).toMatchObject({ data: { n: 5 } })
    // What was refused may be stored by a try that had no answer; nothing ran twice.
    expect(new Set(effects.items).size).toBe(effects.items.length)
    expect(effects.items).toEqual(expect.arrayContaining([1, 2, 3]))
    await until('the minion on the new server', ({ code }) => code === 0, 'call', 'web1', 'test.ping')
  })

  it('under the minion: a job is refused with the reason, and the next one runs', async () => {
    mayWrite(false, reactor.ready.processes.minion!)
    const refused = await reactor.run('call', 'web1', 'test.ping')
    expect(refused.code).not.toBe(0)
    expect(refused.stdout + refused.stderr).toMatch(/cannot be written|cannot write/)
    mayWrite(true, reactor.ready.processes.minion!)
    expect(await reactor.run('call', 'web1', 'test.ping')).toMatchObject({ code: 0 })
  })

  it('under a job that runs: its return waits until the disk takes it', async () => {
    const running = reactor.run('call', 'web1', 'test.sleep', '3')
    await within(minionHasJob(), 'the job in hand')
    mayWrite(false, reactor.ready.processes.minion!)
    await reactor.said.find(line => line.includes('the disk does not take what must be on it'), 'the return that waits')
    mayWrite(true, reactor.ready.processes.minion!)
    expect(await running).toMatchObject({ code: 0 })
  })

  async function minionHasJob(): Promise<void> {
    for (;;) {
      const { stdout } = await reactor.run('jobs', 'active', '--json')
      if (stdout.includes('test.sleep')) return
    }
  }

  it('under the cache worker: what it cannot store comes again, and the job cache lacks nothing', async () => {
    const { cache } = reactor.ready.processes
    mayWrite(false, cache!)
    const { stdout } = await reactor.run('call', 'web1', 'test.echo', 'kept', '--async', '--json')
    const jid = /\d{20}/.exec(stdout)![0]
    await reactor.said.find(line => line.includes('takes no facts'), 'the word of the cache worker')
    mayWrite(true, cache!)
    const shown = await until('the return in the cache', ({ stdout }) => stdout.includes('kept'), 'jobs', 'show', jid)
    expect(shown.code).toBe(0)
  })
})
