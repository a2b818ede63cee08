// `master_job_cache` and `event_return` in the real program: a SQLite file, and a returner of one's own that can be down.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { within } from '../helpers/wait.ts'
import { command, type Ended, type Running, startReactor } from './reactor.ts'

/** Appends events to a file; while there is a file `down` beside it, it throws. */
const JOURNAL = `import { appendFile, stat } from 'node:fs/promises'
import { returner, z } from 'reactor'
export default returner({
  doc: 'Keeps events in a file.',
  options: { file: z.string().describe('path') },
  can: ['event_return'],
  open: ({ file }) => ({
    async event_return(events) {
      if (await stat(file + '.down').catch(() => undefined)) throw new Error('the journal is away')
      await appendFile(file, events.map(event => JSON.stringify(event) + '\\n').join(''))
    },
    async close() {},
  }),
})
`

let dir: string
let journal: string
let config: Record<string, unknown>
let reactor: Running
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reactor-modules-'))
  await mkdir(join(dir, 'returners'))
  await writeFile(join(dir, 'returners', 'journal.mjs'), JOURNAL)
  journal = join(dir, 'events')
  config = {
    module_dirs: [dir],
    master_job_cache: 'sqlite',
    'sqlite.database': join(dir, 'salt.db'),
    event_return: ['journal'],
    event_return_whitelist: ['deploy/**', 'salt/alarm/returner/*'],
    'journal.file': journal,
  }
  reactor = await startReactor({ args: ['--id', 'web1'], config })
})
afterAll(async () => {
  await reactor?.clean()
  await rm(dir, { recursive: true, force: true })
})

/** Asks again until the answer fits. */
const until = (what: string, ask: () => Promise<Ended>, fits: (ended: Ended) => boolean): Promise<Ended> => {
  let over = false
  const asking = async (): Promise<Ended> => {
    for (;;) {
      const ended = await ask()
      if (over || fits(ended)) return ended
    }
  }
  return within(asking(), what).finally(() => {
    over = true
  })
}

async function call(...words: string[]): Promise<string> {
  const { stdout } = await reactor.run('call', '--async', '--json', ...words)
  const { jid } = JSON.parse(stdout)
  await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, 'the return')
  return jid
}
const inStore = (jid: string) =>
  until(
    `job ${jid} in the store`,
    () => reactor.run('run', '--json', 'jobs.lookup_jid', jid, 'ext_source=sqlite'),
    ({ stdout }) => stdout.includes('web1'),
  )

describe('master_job_cache', () => {
  it('has every job with its returns, large ones whole, for jobs.* with ext_source', async () => {
    const jid = await call('web1', 'test.echo', 'for good', '--metadata', '{ticket: 4711}')
    expect(JSON.parse((await inStore(jid)).stdout)).toEqual({ web1: 'for good' })
    const listed = await reactor.run('run', '--json', 'jobs.list_jobs', 'ext_source=sqlite')
    expect(JSON.parse(listed.stdout)[jid]).toMatchObject({ Function: 'test.echo', Metadata: { ticket: 4711 } })
    const large = 1_500_000
    const words = ['cmd.shell', `head -c ${large} /dev/zero | tr '\\0' x`, `output_limit=${large}`]
    const { stdout } = await inStore(await call('web1', ...words))
    expect(JSON.parse(stdout).web1).toHaveLength(large)
    const other = await reactor.run('run', 'jobs.list_jobs', 'ext_source=journal')
    expect(other).toMatchObject({ code: 1, stdout: '' })
    expect(other.stderr).toMatch(/the returner 'journal' has no get_load, get_jid/)
  })

  it('answers for the job cache that has lost its file', async () => {
    const jid = await call('web1', 'test.echo', 'kept')
    await inStore(jid)
    const { ready } = reactor
    const again = { dir: reactor.dir, args: ['--id', 'web1'], config }
    expect(await reactor.stop()).toBe(0)
    await rm(join(ready.data, 'cache'), { recursive: true, force: true })
    reactor = await startReactor(again)
    const shown = await reactor.run('jobs', 'show', jid)
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toMatch(/\nweb1 +returned .*\n\nweb1:\n {4}kept\n$/)
    const { stdout } = await reactor.run('jobs', 'list', '--function', 'test.echo')
    expect(stdout).toMatch(new RegExp(`^${jid} .* in sqlite$`, 'm'))
    const { jobs } = JSON.parse((await reactor.run('jobs', 'list', '--json', '--function', 'test.echo')).stdout)
    expect(jobs.map((job: { jid: string }) => job.jid)).toContain(jid)
  })

  it('that cannot be read from is refused at the start, with what it lacks', async () => {
    const file = join(dir, 'wrong.json')
    await writeFile(file, JSON.stringify({ ...config, master_job_cache: 'journal' }))
    const words = ['--config', file, '--data', join(dir, 'wrong'), '--port', '0', '--rules', reactor.ready.rules.folder]
    const ended = await command(['up', ...words], { cwd: dir })
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toMatch(
      /the returner 'journal' has no save_load, returner, get_load, get_jid, get_jids_filter/,
    )
  })
})

describe('event_return', () => {
  const kept = async () =>
    (await readFile(journal, 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))

  it("takes what the white list names to a returner of one's own, later where its store is down", async () => {
    await reactor.run('send', 'deploy/one', '{"n": 1}')
    await reactor.run('send', 'other', '{}')
    await writeFile(`${journal}.down`, '')
    await reactor.run('send', 'deploy/two', '{"n": 2}')
    await reactor.lines.find(({ tag }) => tag === 'salt/alarm/returner/event_return journal', 'the alarm')
    await rm(`${journal}.down`)
    let events = await kept()
    const ask = async () => {
      const ended = await reactor.run('jobs', 'list')
      events = await kept()
      return ended
    }
    await until('the events', ask, () => events.some(({ tag }) => tag === 'deploy/two'))
    const tags = events.map(({ tag }) => tag)
    expect(tags).toEqual(expect.arrayContaining(['deploy/one', 'deploy/two']))
    expect(tags).not.toContain('other')
    expect(events.find(({ tag }) => tag === 'deploy/two')).toMatchObject({ data: { n: 2 }, origin: '_user-admin' })
  })
})
