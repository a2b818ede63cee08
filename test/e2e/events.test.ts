// `reactor events`: what is stored, listed, shown and exported from the command line.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Running, startReactor } from './reactor.ts'

let reactor: Running
beforeAll(async () => {
  reactor = await startReactor({ args: ['--id', 'web1'] })
  for (const n of [1, 2, 3]) await reactor.run('send', 'deploy/done', JSON.stringify({ n, app: 'shop' }))
})
afterAll(() => reactor.clean())

const events = (...words: string[]) => reactor.run('events', ...words)

describe('reactor events', () => {
  it('lists the newest that fit, and says how many are left out', async () => {
    const { code, stdout, stderr } = await events('list', 'deploy/**', '--where', 'data.n>1', '--limit', '1')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^\d+ \d\d:\d\d:\d\d\.\d{3} deploy\/done .* n=3 app=shop\n$/),
    ])
    expect(stderr).toBe('the newest 1; 1 older left out: --limit shows more\n')
    expect(await events('list', 'none')).toEqual({ code: 0, stdout: '', stderr: 'no events\n' })
    expect(await events('list', '--since', '1m', '--until', '2m')).toMatchObject({ code: 64 })
  })

  it('shows one whole, with what caused it', async () => {
    await reactor.run('call', 'web1', 'event.send', 'from/web1')
    const listed = JSON.parse((await events('list', '--json', 'from/*', '--origin', 'web*')).stdout)
    const { seq, id, cause } = listed.events[0]
    const { stdout } = await events('show', String(seq))
    expect(stdout).toContain(`cause   ${cause}`)
    expect(stdout).toMatch(new RegExp(`caused by\n *\\d+ .*salt/job/${cause}/new`))
    const shown = JSON.parse((await events('show', '--json', id)).stdout)
    expect(shown).toMatchObject({ event: { id, seq, origin: 'web1' }, causes: [{ data: { fun: 'event.send' } }] })
    expect(await events('show', 'nobody')).toMatchObject({ code: 1, stdout: '' })
  })

  it('exports them, to stdout or into a file', async () => {
    const file = join(reactor.dir, 'events.ndjson')
    const { stdout } = await events('export', 'deploy/**')
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).data.n),
    ).toEqual([1, 2, 3])
    expect(await events('export', 'deploy/**', '--output', file)).toMatchObject({ code: 0, stdout: '' })
    expect(await readFile(file, 'utf8')).toBe(stdout)
    expect(await events('export', '--output', join(file, 'no'))).toMatchObject({ code: 73 })
  })
})
