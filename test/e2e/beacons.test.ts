// Beacons of a real minion: added by a call, heard by everybody, kept over a restart.
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Running, startReactor } from './reactor.ts'

const ID = ['--id', 'web1']
const LOAD = '[{"averages": {"1m": [0.0, 0.0], "5m": [0.0, 0.0], "15m": [0.0, 0.0]}}, {"interval": 1}]'

const result = async (reactor: Running, ...words: string[]) => {
  const ended = await reactor.run('call', 'web1', ...words, '--json')
  const line = ended.stdout.trim().split('\n').at(-1)!
  return { code: ended.code, text: line }
}

describe('beacons', () => {
  it("are added by a call, fire events in Salt's shape, and stay over a restart once they are saved", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-beacons-'))
    const first = await startReactor({ dir, args: ID })
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    onTestFinished(async () => void (await first.stop()))
    expect((await result(first, 'beacons.add', 'load', LOAD)).text).toContain('Added beacon: load.')
    const event = await first.lines.find(({ tag }) => tag === 'salt/beacon/web1/load/', 'the load')
    expect(event).toMatchObject({
      origin: 'web1',
      data: { '1m': expect.any(Number), '5m': expect.any(Number), '15m': expect.any(Number), id: 'web1' },
    })
    const wrong = await result(first, 'beacons.modify', 'load', '[{"averages": {"2m": [0, 1]}}]')
    expect(wrong.code).toBe(1)
    expect(wrong.text).toContain('Beacon load configuration invalid, not modifying.')
    expect((await result(first, 'beacons.save')).text).toMatch(/Beacons saved to .*beacons\.jsonl\./)
    await first.stop()

    const second = await startReactor({ dir, args: ID })
    onTestFinished(async () => void (await second.stop()))
    await second.lines.find(({ tag }) => tag === 'salt/beacon/web1/load/', 'the load after the restart')
  })

  it("of one's own look beside those that ship, and one that is wrong holds up nobody", async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-own-beacons-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const watched = join(dir, 'app.log')
    await writeFile(watched, '')
    await mkdir(join(dir, 'beacons'))
    await writeFile(
      join(dir, 'beacons/door.mjs'),
      `import { beacon, z } from 'reactor'
       export default beacon({
         doc: 'Tells whether the door is open.',
         options: z.strictObject({ door: z.string() }),
         open: ({ door }) => ({ poll: () => [{ tag: door, state: 'open', data: { open: true } }] }),
       })`,
    )
    const reactor = await startReactor({
      args: ID,
      config: {
        module_dirs: [dir],
        minion: {
          beacons: {
            back_door: [{ beacon_module: 'door' }, { door: 'back' }],
            log: [{ file: watched }, { tags: { failed: { regex: 'FAILED .*' } } }],
            logs: null,
          },
        },
      },
    })
    onTestFinished(() => reactor.clean())
    const door = await reactor.lines.find(({ tag }) => tag === 'salt/beacon/web1/back_door/back', 'the door')
    expect(door.data).toEqual({ open: true, id: 'web1' })
    expect((await result(reactor, 'beacons.list')).text).toContain("there is no beacon 'logs'. Did you mean 'log'?")
    await appendFile(watched, 'all is well\nFAILED the disk\n')
    const told = await reactor.lines.find(({ tag }) => tag === 'salt/beacon/web1/log/failed', 'the line of the log')
    expect(told.data).toMatchObject({ raw: 'FAILED the disk' })
  })
})
