import { describe, expect, it } from 'vitest'
import { createPlace } from '../minion/beacons-place.ts'
import { caller } from './call.ts'

/** The module on a minion's beacons. */
async function minion(config: Record<string, unknown> = {}) {
  const place = await createPlace()
  const said: { tag: string; data: Record<string, unknown> }[] = []
  const started = await place.start(config)
  const bus = { fire: async (tag: string, data: Record<string, unknown>) => void said.push({ tag, data }) }
  const { setPillar, operations, close } = started
  return { ...place, setPillar, said, close, ...caller('execution', { beacons: operations, bus }) }
}

const data = [{ threshold: 1 }, { interval: 3 }]

describe('beacons', () => {
  it("answers as Salt's, from the first beacon to the reset", async () => {
    const { call, recorded, clock, did } = await minion()
    expect(await call('beacons.list')).toBe('beacons: {}\n')
    expect(await call('beacons.list', [], { return_yaml: false })).toEqual({})
    expect(await call('beacons.list_available')).toBe('beacons:\n- hangs\n- never\n- thing\n')
    expect(await call('beacons.list_available', [], { return_yaml: false })).toEqual(['hangs', 'never', 'thing'])
    expect(await call('beacons.add', ['thing', data])).toEqual({ result: true, comment: 'Added beacon: thing.' })
    await clock.turn(0)
    expect(did).toEqual(['open 1 0', 'poll 0'])
    expect(await call('beacons.add', ['thing', data])).toEqual({
      result: true,
      comment: 'Beacon thing is already configured.',
    })
    expect(await call('beacons.list')).toBe('beacons:\n  thing:\n  - threshold: 1\n  - interval: 3\n')
    expect(await call('beacons.modify', ['thing', data])).toEqual({
      result: true,
      comment: 'Job thing in correct state',
    })
    expect(await call('beacons.modify', ['thing', [{ threshold: 2 }, { interval: 3 }]])).toEqual({
      result: true,
      comment: 'Modified beacon: thing.',
      changes: { diff: '--- \n+++ \n@@ -1,2 +1,2 @@\n-threshold:1\n+threshold:2\n interval:3\n' },
    })
    await clock.turn(0)
    expect(did.slice(2)).toEqual(['close 0', 'open 2 0', 'poll 0'])
    expect(await call('beacons.disable_beacon', ['thing'])).toEqual({
      result: true,
      comment: 'Disabled beacon thing on minion.',
    })
    expect(did.at(-1)).toBe('close 0')
    expect(await call('beacons.list', [], { return_yaml: false })).toEqual({
      thing: [{ threshold: 2 }, { interval: 3 }, { enabled: false }],
    })
    expect(await call('beacons.enable_beacon', ['thing'])).toEqual({
      result: true,
      comment: 'Enabled beacon thing on minion.',
    })
    await clock.turn(0)
    expect(did.at(-1)).toBe('poll 0')
    expect(await call('beacons.disable')).toEqual({ result: true, comment: 'Disabled beacons on minion.' })
    expect(did.at(-1)).toBe('close 0')
    expect(await call('beacons.list')).toMatch(/^beacons:\n {2}enabled: false\n {2}thing:\n/)
    expect(await call('beacons.enable')).toEqual({ result: true, comment: 'Enabled beacons on minion.' })
    expect(await call('beacons.delete', ['thing'])).toEqual({ result: true, comment: 'Deleted beacon: thing.' })
    expect(await call('beacons.reset')).toEqual({ result: true, comment: 'Beacon configuration reset.' })
    expect(await call('beacons.list')).toBe('beacons: {}\n')
    expect(recorded.retcode).toBeUndefined()
  })

  it.each<[fun: string, args: unknown[], comment: string]>([
    ['add', ['thng', data], 'Beacon "thng" is not available. Did you mean \'thing\'?'],
    ['add', ['other', [{ beacon_module: 'thng' }]], 'Beacon "thng" is not available. Did you mean \'thing\'?'],
    [
      'add',
      ['thing', [{ treshold: 1 }]],
      "Beacon thing configuration invalid, not adding.\nunknown option 'treshold'. Did you mean 'threshold'?",
    ],
    [
      'modify',
      ['mine', [{ threshold: 'x' }, { beacon_module: 'thing' }]],
      'Beacon mine configuration invalid, not modifying.\n\'threshold\': expected a number; got "x"',
    ],
    ['modify', ['mien', data], "Beacon mien is not configured. Did you mean 'mine'?"],
    ['modify', ['pillared', data], 'Cannot modify beacon item pillared, it is configured in pillar.'],
    ['delete', ['mien'], "Beacon item mien not found. Did you mean 'mine'?"],
    ['delete', ['pillared'], 'Cannot delete beacon item pillared, it is configured in pillar.'],
    ['enable_beacon', ['mien'], "Beacon mien is not currently configured. Did you mean 'mine'?"],
    ['enable_beacon', ['pillared'], 'Cannot enable beacon item pillared, it is configured in pillar.'],
    ['disable_beacon', ['pillared'], 'Cannot disable beacon item pillared, it is configured in pillar.'],
  ])('%s %j fails its job and changes nothing', async (fun, args, comment) => {
    const { call, recorded, setPillar, said } = await minion({ mine: [{ beacon_module: 'thing' }] })
    setPillar({ beacons: { pillared: [{ beacon_module: 'thing' }] } })
    const before = await call('beacons.list')
    expect(await call(`beacons.${fun}`, args)).toEqual({ result: false, comment })
    expect(recorded.retcode).toBe(1)
    expect(await call('beacons.list')).toBe(before)
    expect(said).toEqual([])
  })

  it.each<[fun: string, args: unknown[], comment: string]>([
    ['add', ['thing', data], 'Beacon: thing would be added.'],
    ['modify', ['mine', [{ beacon_module: 'thing' }, { interval: 2 }]], 'Beacon: mine would be modified.'],
    ['delete', ['mine'], 'Beacon: mine would be deleted.'],
    ['enable_beacon', ['mine'], 'Beacon mine would be enabled.'],
    ['disable_beacon', ['mine'], 'Beacon mine would be disabled.'],
    ['enable', [], 'Beacons would be enabled.'],
    ['disable', [], 'Beacons would be disabled.'],
    ['reset', [], 'Beacons would be reset.'],
  ])('%s %j with test=True only says what would be done', async (fun, args, comment) => {
    const { call, said } = await minion({ mine: [{ beacon_module: 'thing' }] })
    const before = await call('beacons.list')
    expect(await call(`beacons.${fun}`, args, { test: true })).toEqual({ result: true, comment })
    expect(await call('beacons.list')).toBe(before)
    expect(said).toEqual([])
  })

  it('keeps changes over a restart once they are saved, and not before', async () => {
    const config = { gone: [{ beacon_module: 'thing' }], off: { beacon_module: 'thing' } }
    const { call, close, start, dir } = await minion(config)
    await call('beacons.delete', ['gone'])
    await call('beacons.disable_beacon', ['off'])
    await call('beacons.add', ['thing', data])
    expect(await call('beacons.save')).toEqual({
      result: true,
      comment: `Beacons saved to ${dir}/beacons.jsonl.`,
    })
    await call('beacons.delete', ['thing'])
    await call('beacons.add', ['lost', [{ beacon_module: 'thing' }]])
    await close()
    const { list } = await start(config)
    expect(list({ return_yaml: false })).toEqual({ off: { beacon_module: 'thing', enabled: false }, thing: data })
  })

  it('resets to what the pillar says', async () => {
    const { call, setPillar } = await minion({ mine: [{ beacon_module: 'thing' }] })
    setPillar({ beacons: { pillared: [{ beacon_module: 'thing' }] } })
    await call('beacons.add', ['thing', data])
    await call('beacons.reset')
    expect(await call('beacons.list', [], { return_yaml: false })).toEqual({ pillared: [{ beacon_module: 'thing' }] })
  })

  it("says changes on the minion's bus, secrets left out", async () => {
    const { call, said } = await minion()
    await call('beacons.add', ['thing', [{ token: 'hidden' }]])
    await call('beacons.disable')
    const beacons = { thing: [{ token: '[redacted]' }] }
    expect(said).toEqual([
      {
        tag: '/salt/minion/minion_beacon_add_complete',
        data: { complete: true, comment: 'Added beacon: thing.', beacons },
      },
      {
        tag: '/salt/minion/minion_beacons_disabled_complete',
        data: { complete: true, comment: 'Disabled beacons on minion.', beacons: { ...beacons, enabled: false } },
      },
    ])
    expect(await call('beacons.list')).toContain("token: '[redacted]'")
  })
})
