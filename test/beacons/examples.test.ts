import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readBeacon } from '../../src/beacon/entry.ts'
import { findBeacons } from '../../src/beacon/load.ts'
import { dedented } from '../../src/functions/doc.ts'
import * as events from '../../src/protocol/catalogue/beacon-events.ts'

const shipped = ['diskusage', 'inotify', 'load', 'log', 'memusage', 'ps', 'service']

describe('the beacons that ship', () => {
  it('are found by their names', async () => {
    expect((await findBeacons()).names().sort()).toEqual(shipped)
  })

  it.each(shipped)('%s shows settings that are taken', async name => {
    const beacons = await findBeacons()
    const lines = dedented((await beacons.load(name)).doc)
    const config = parse(lines.slice(lines.indexOf('Example:') + 1).join('\n'))
    expect(Object.keys(config.beacons)).toEqual([name])
    expect(await readBeacon(name, config.beacons[name], beacons)).toMatchObject({ name, enabled: true })
  })

  it('have each their event declared', () => {
    const named = Object.values(events).map(({ pattern }) => pattern.split('/')[3])
    expect(named.sort()).toEqual(shipped)
  })
})
