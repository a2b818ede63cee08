// `reactor call --return`: minions give returns to a store themselves, whatever becomes of the store and of the minion.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { command, MAIN, type Running, startReactor } from './reactor.ts'

/** Appends what it gets to a file; while its folder is not there, its store is down. */
const RETURNER = `import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { refused, returner, z } from 'reactor'

export default returner({
  doc: 'Appends returns to a file, for the test.',
  options: { dir: z.string().describe('where it writes'), word: z.string().default('') },
  can: ['returner'],
  open: ({ dir, word }) => ({
    async returner(returns) {
      const odd = returns.find(one => one.return === 'never')
      if (odd) throw refused('the store takes no ' + odd.return)
      await appendFile(join(dir, 'returns'), returns.map(one => JSON.stringify({ word, ...one }) + '\\n').join(''))
    },
    async close() {},
  }),
})
`

let server: TestServer
let reactor: Running
let dir: string
let store: string
/** What minions of their own are configured with. */
let config: Record<string, unknown>
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-test-'))
  store = join(dir, 'store')
  await mkdir(store)
  await mkdir(join(dir, 'modules', 'returners'), { recursive: true })
  await writeFile(join(dir, 'modules', 'returners', 'kept.mjs'), RETURNER)
  server = await startTestServer()
  config = { isolation: 'none', module_dirs: [join(dir, 'modules')], 'kept.dir': store, 'other.kept.word': 'other' }
  reactor = await startReactor({ args: ['--id', 'web1', '--nats', server.url, '--isolation', 'none'], config })
})
afterAll(async () => {
  await reactor.clean()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

const storedIn = async (dir: string): Promise<Record<string, unknown>[]> =>
  (await readFile(join(dir, 'returns'), 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
const stored = () => storedIn(store)
const call = (...words: string[]) => reactor.run('call', 'web1', '--json', ...words)

/** A minion of its own process, which a test may kill. */
async function startMinion(id: string, more: Record<string, unknown> = {}) {
  const dir = join(reactor.dir, id)
  const file = join(reactor.dir, `${id}.json`)
  await writeFile(file, JSON.stringify({ ...config, ...more, minion: { id, dir } }))
  let child: ChildProcess | undefined
  const starts = () => reactor.lines.items.filter(({ tag }) => tag === `salt/minion/${id}/start`).length
  const start = async () => {
    const before = starts()
    child = spawn(process.execPath, [MAIN, 'minion', '--config', file, '--server', server.url], { stdio: 'ignore' })
    await reactor.lines.find(({ tag }) => tag === `salt/minion/${id}/start` && starts() > before, `the start of ${id}`)
  }
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  onTestFinished(kill)
  await start()
  return { dir, start, kill }
}

/** A minion that must not come to run: how it ends. */
async function endOf(id: string, more: Record<string, unknown>) {
  const file = join(reactor.dir, `${id}.json`)
  await writeFile(file, JSON.stringify({ ...config, ...more, minion: { id, dir: join(reactor.dir, id) } }))
  return command(['minion', '--config', file, '--server', server.url])
}

describe('a call with returners', () => {
  it('gives its return to the store, in Salt’s fields, and to who called', async () => {
    expect(await call('test.echo', 'hello', '--return', 'kept')).toMatchObject({
      code: 0,
      stdout: '{"web1":"hello"}\n',
    })
    await expect.poll(stored).toMatchObject([
      {
        id: 'web1',
        fun: 'test.echo',
        fun_args: ['hello'],
        return: 'hello',
        retcode: 0,
        success: true,
        cmd: '_return',
      },
    ])
    const [one] = await stored()
    const announced = reactor.lines.items.find(({ tag }) => tag === `salt/job/${one!.jid}/new`)
    expect(announced?.data.ret).toBe('kept')
    const event = reactor.lines.items.find(({ tag }) => tag === `salt/job/${one!.jid}/ret/web1`)
    expect(one!._stamp).toBe(event!.stamp)
  })

  it.each(['rawfile_json', 'sqlite'])('reaches one that ships: %s', async name => {
    const file = join(dir, name)
    const setting = name === 'sqlite' ? 'database' : 'filename'
    const words = ['--return', `kept,${name}`, '--return-kwargs', JSON.stringify({ [setting]: file })]
    await call('test.echo', 'to a file', ...words)
    // Of SQLite's two files the second has what was written last.
    const text = async () => {
      const parts = [file, `${file}-wal`].map(part => readFile(part, 'latin1').catch(() => ''))
      return (await Promise.all(parts)).join('')
    }
    await expect.poll(text).toContain('to a file')
    // The settings are for each that is named: the other takes of them what it has.
    await expect.poll(async () => (await stored()).at(-1)).toMatchObject({ return: 'to a file', word: '' })
  })

  it('says which settings none of its returners has, and gives the return without', async () => {
    await call('test.echo', 'without', '--return', 'kept,nosuch', '--return-kwargs', '{wrod: mine}')
    await expect.poll(async () => (await stored()).at(-1)).toMatchObject({ return: 'without', word: '' })
    const said = await reactor.lines.find(({ tag }) => tag === 'salt/minion/web1/returner_settings', 'the settings')
    expect(said.data).toMatchObject({ ret: 'kept,nosuch', settings: ['wrod'] })
  })

  it('takes other settings by their name, and the words of the call before all', async () => {
    await call('test.echo', 'a', '--return', 'kept', '--return-config', 'other')
    await call('test.echo', 'b', '--return', 'kept', '--return_config', 'other', '--return_kwargs', '{word: mine}')
    await expect
      .poll(async () => (await stored()).slice(-2))
      .toMatchObject([
        { return: 'a', word: 'other' },
        { return: 'b', word: 'mine' },
      ])
  })

  it('does not wait for a store that is down, says it once, and gives it all when it is back, over kill -9', async () => {
    const minion = await startMinion('web2')
    await rm(store, { recursive: true })
    const numbers = ['1', '2', '3']
    for (const n of numbers)
      expect((await reactor.run('call', 'web2', '--json', 'test.echo', n, '--return', 'kept')).code).toBe(0)
    const isOf = (state: string) => (line: { tag: string; data: Record<string, unknown> }) =>
      line.tag === 'salt/minion/web2/returner' && line.data.state === state
    const down = await reactor.lines.find(isOf('down'), 'that the store is down')
    expect(down.data).toMatchObject({ returner: 'kept', reason: expect.stringContaining('ENOENT') })
    await minion.kill()
    await mkdir(store)
    await minion.start()
    await expect.poll(async () => (await stored()).map(one => one.return)).toEqual(numbers)
    expect(reactor.lines.items.filter(isOf('down'))).toHaveLength(1)
    await expect
      .poll(async () => (await readFile(join(minion.dir, 'returners.jsonl'), 'utf8')).trim().split('\n').at(-1))
      .not.toContain('"v"')
  })

  it('says which return a store can never take, and keeps it with the reason', async () => {
    await call('test.echo', 'never', '--return', 'kept')
    const refused = await reactor.lines.find(({ data }) => data?.reason === 'the store takes no never', 'the refusal')
    expect(refused).toMatchObject({ tag: 'salt/minion/web1/returner_refused', data: { returner: 'kept' } })
    await call('test.echo', 'well', '--return', 'kept,nosuch')
    await expect.poll(async () => (await stored()).at(-1)).toMatchObject({ return: 'well' })
    const unknown = await reactor.lines.find(
      ({ data }) => data?.returner === 'nosuch',
      'that there is no such returner',
    )
    expect(unknown.data.reason).toContain("there is no returner 'nosuch'")
  })

  it('has what is parked put back by a function, and says what is left', async () => {
    await call('test.echo', 'later', '--return', 'soon')
    await reactor.lines.find(({ data }) => data?.returner === 'soon', 'that it is parked')
    const modules = join(dir, 'modules', 'returners')
    await writeFile(
      join(modules, 'soon.mjs'),
      RETURNER.replace("'returns'", "'soon'").replace('dir: z.string()', `dir: z.string().default('${store}')`),
    )
    onTestFinished(() => rm(join(modules, 'soon.mjs')))
    const listed = JSON.parse((await call('returners.parked', 'soon')).stdout)
    expect(listed.web1).toMatchObject([{ returner: 'soon', fun: 'test.echo' }])
    expect((await call('returners.retry', 'soon')).stdout).toBe('{"web1":{"retried":1,"left":[]}}\n')
    await expect.poll(() => readFile(join(store, 'soon'), 'utf8').catch(() => '')).toContain('"later"')
    expect((await call('returners.parked', 'soon')).stdout).toBe('{"web1":[]}\n')
  })
})

describe('a minion that is killed again and again while its store comes and goes', () => {
  it('gives the store what the job cache has of every job', async () => {
    const minion = await startMinion('web5')
    const nc = await connect({ servers: server.url })
    onTestFinished(() => nc.close())
    const jids = new Set<string>()
    const away = `${store}.away`
    for (let round = 0; round < 5; round++) {
      const request = { tgt: 'web5', fun: 'test.echo', ret: 'kept' }
      const asked = Array.from({ length: 20 }, (_, n) =>
        nc.request('reactor.publish', JSON.stringify({ ...request, arg: [`${round}.${n}`] }), { timeout: 30_000 }),
      )
      if (round % 2 === 0) await rename(store, away)
      else await rename(away, store)
      await asked[round * 4]
      await minion.kill()
      for (const answer of await Promise.all(asked)) jids.add(answer.json<{ jid: string }>().jid)
      await minion.start()
    }
    await rename(away, store)
    const told = new Map<string, unknown>()
    for (const jid of jids) {
      const event = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web5`, `the return of ${jid}`)
      told.set(jid, event.data.return)
    }
    expect(told.size).toBe(100)
    const waiting = () => readFile(join(minion.dir, 'returners.jsonl'), 'utf8')
    await expect.poll(async () => openOf(await waiting())).toEqual([])
    const kept = new Map((await stored()).filter(({ id }) => id === 'web5').map(one => [one.jid, one.return]))
    expect(Object.fromEntries(kept)).toEqual(Object.fromEntries(told))
  })
})

/** Keys that are in a file of lines and were not taken out again. */
function openOf(text: string): string[] {
  const open = new Set<string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const { k, v } = JSON.parse(line) as { k: string; v?: unknown }
    if (v === undefined) open.delete(k)
    else open.add(k)
  }
  return [...open]
}

describe('a minion whose returner is not there at a start', () => {
  it('keeps what waits, says so, and gives it once the returner is there again', async () => {
    const minion = await startMinion('web6')
    const modules = join(dir, 'modules', 'returners')
    await rename(store, `${store}.away`)
    expect((await reactor.run('call', 'web6', '--json', 'test.echo', 'patient', '--return', 'kept')).code).toBe(0)
    const isDown = ({ tag, data }: { tag: string; data: Record<string, unknown> }) =>
      tag === 'salt/minion/web6/returner' && data.state === 'down'
    await reactor.lines.find(isDown, 'that the store is down')
    await minion.kill()
    await rename(`${store}.away`, store)
    await rename(join(modules, 'kept.mjs'), join(modules, 'kept.away'))
    onTestFinished(() => rename(join(modules, 'kept.away'), join(modules, 'kept.mjs')).catch(() => undefined))
    await minion.start()
    await reactor.lines.find(
      line => isDown(line) && String(line.data.reason).startsWith("there is no returner 'kept'"),
      'that the returner is not there',
    )
    const waiting = JSON.parse((await reactor.run('call', 'web6', '--json', 'returners.waiting')).stdout)
    expect(waiting.web6).toMatchObject([{ returner: 'kept', returns: 1 }])
    await rename(join(modules, 'kept.away'), join(modules, 'kept.mjs'))
    await expect.poll(async () => (await stored()).at(-1)).toMatchObject({ id: 'web6', return: 'patient' })
  })
})

describe('a minion with ext_job_cache', () => {
  it('gives the return of every job', async () => {
    const minion = await startMinion('web3', { ext_job_cache: 'kept' })
    await reactor.run('call', 'web3', '--json', 'test.echo', 'all')
    await expect.poll(async () => (await stored()).at(-1)).toMatchObject({ id: 'web3', return: 'all', word: '' })
    await minion.kill()
  })

  it('does not start where that can never work, and says why', async () => {
    const ended = await endOf('web4', { ext_job_cache: 'kpt' })
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toContain("ext_job_cache: there is no returner 'kpt'. Did you mean 'kept'?")
    const unset = await endOf('web4', { ext_job_cache: 'kept', 'kept.dir': 5 })
    expect(unset.stderr).toContain("'kept.dir'")
  })
})
