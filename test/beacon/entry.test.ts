import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ReactorError } from '../../src/base/errors.ts'
import { asMap, readBeacon, withEnabled } from '../../src/beacon/entry.ts'
import { type Beacons, findBeacons } from '../../src/beacon/load.ts'
import { nextTime } from '../../src/beacon/poll.ts'
import { beacon } from '../../src/functions/define-beacon.ts'
import { testFolder } from '../helpers/folder.ts'

const averages = z.strictObject({ '1m': z.tuple([z.number(), z.number()]).optional() })
const load = beacon({ doc: 'Looks.', options: z.strictObject({ averages }), open: () => ({ poll: () => [] }) })
const beacons: Beacons = {
  names: () => ['load'],
  async load(name) {
    if (name !== 'load') throw new ReactorError('bad_config', `there is no beacon '${name}'.`)
    return load
  },
}

describe('a beacon as it is given', () => {
  it.each([
    ["Salt's list of one-key maps", [{ averages: { '1m': [0, 2] } }, { interval: 10 }]],
    ['a map', { averages: { '1m': [0, 2] }, interval: 10 }],
  ])('may be %s', async (_what, given) => {
    const { intervalMs, options, module, enabled } = await readBeacon('load', given, beacons)
    expect({ intervalMs, options, module, enabled }).toEqual({
      intervalMs: 10_000,
      options: { averages: { '1m': [0, 2] } },
      module: 'load',
      enabled: true,
    })
  })

  it('looks every second without an interval, and tells as its options say', async () => {
    const given = { averages: {}, onchangeonly: true, emitatstartup: false, delay: 5, disable_during_state_run: true }
    expect(await readBeacon('load', given, beacons)).toMatchObject({
      intervalMs: 1000,
      disableDuringStateRun: true,
      telling: { onchangeonly: true, emitatstartup: false, delay: 5 },
    })
  })

  it('may be of a beacon with another name', async () => {
    const given = [{ beacon_module: 'load' }, { averages: {} }]
    expect(await readBeacon('load_night', given, beacons)).toMatchObject({ name: 'load_night', module: 'load' })
  })

  it.each<[given: unknown, problem: string]>([
    ['often', 'expected a list of options such as \'- interval: 10\', or a map; got "often"'],
    [['often'], 'expected options such as \'- interval: 10\'; got "often"'],
    [[{ interval: 1 }, { interval: 2 }], "'interval' is given twice"],
    [{ averages: {}, intervall: 2 }, "unknown option 'intervall'. Did you mean 'interval'?"],
    [{ average: {} }, "unknown option 'average'. Did you mean 'averages'?"],
    [{ averages: { '2m': [0, 1] } }, "unknown option 'averages.2m'"],
    [{ averages: {}, interval: 0 }, "'interval': expected 0.1 seconds or more; got 0"],
    [{ averages: {}, interval: '10' }, '\'interval\': expected a number; got "10"'],
    [{ averages: ['1m'] }, "'averages': expected a map; got a list"],
    [{ '1m': [0, 1] }, "'averages' is missing; unknown option '1m'"],
    [{ averages: {}, onchangeonly: 'x'.repeat(61) }, "'onchangeonly': expected true or false; got a text"],
    [{ beacon_module: 'lod' }, "there is no beacon 'lod'"],
  ])('is refused as %j, with the reason', async (given, problem) => {
    await expect(readBeacon('load', given, beacons)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(problem),
    })
  })

  it('has a name that is a segment of tags', async () => {
    await expect(readBeacon('a/b', { beacon_module: 'load' }, beacons)).rejects.toThrow("got 'a/b'")
  })

  it('is enabled and disabled in the shape in which it was given', () => {
    expect(withEnabled([{ interval: 1 }], false)).toEqual([{ interval: 1 }, { enabled: false }])
    expect(withEnabled([{ enabled: false }, { interval: 1 }], true)).toEqual([{ enabled: true }, { interval: 1 }])
    expect(withEnabled({ interval: 1 }, false)).toEqual({ interval: 1, enabled: false })
    expect(asMap(withEnabled(null, false))).toEqual({ enabled: false })
  })
})

describe('the time of the next look', () => {
  it.each([
    ['is an interval on, however long the last one took', 0, 300, 1000],
    ['leaves out those that have passed', 0, 3200, 4000],
    ['does not come twice where a timer woke early', 5000, 4999, 6000],
    ['is an interval from now where the clock was set back', 900_000, 5000, 6000],
  ])('%s', (_what, due, now, next) => {
    expect(nextTime(due, 1000, now)).toBe(next)
  })
})

describe("beacons of one's own", () => {
  const folder = async (name: string, text: string) => {
    const dir = await testFolder()
    await mkdir(join(dir, 'beacons'))
    await writeFile(join(dir, 'beacons', name), text)
    return dir
  }

  it('are found in the folder beacons of module_dirs', async () => {
    const dir = await folder(
      'tick.mjs',
      `import { beacon, z } from 'reactor'
       export default beacon({ doc: 'Ticks.', options: z.strictObject({}), open: () => ({ poll: () => [{ data: { tick: 1 } }] }) })`,
    )
    const found = await findBeacons([dir])
    expect(found.names()).toContain('tick')
    expect((await found.load('tick')).doc).toBe('Ticks.')
    await expect(found.load('tikc')).rejects.toThrow("there is no beacon 'tikc'. Did you mean 'tick'?")
  })

  it('say what is wrong with their file', async () => {
    const found = await findBeacons([await folder('tick.mjs', 'export default () => 1')])
    await expect(found.load('tick')).rejects.toThrow(
      /tick.mjs: its default export is no beacon: export default beacon\(/,
    )
    await expect(findBeacons([await folder('Tick.mjs', '')])).rejects.toThrow("a beacon's name, which is the file's")
  })
})
