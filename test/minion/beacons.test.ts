import { describe, expect, it } from 'vitest'
import { createPlace, NOW, SECRET, state } from './beacons-place.ts'

const stamp = (ms: number) => new Date(ms).toISOString().replace('Z', '000')

describe("a minion's beacons", () => {
  it("look at once and at every interval, and fire what they find in Salt's shape", async () => {
    const { start, clock, world, did, fired } = await createPlace()
    world.found = [{ tag: 'nginx', data: { nginx: { running: false }, id: 'somebody' } }, { data: { '1m': 2 } }]
    await start({ thing: [{ interval: 10 }] })
    await clock.turn(25_000)
    expect(did).toEqual(['open 0 0', 'poll 0', 'poll 10', 'poll 20'])
    expect(fired.items.slice(0, 2)).toEqual([
      { tag: 'salt/beacon/m1/thing/nginx', data: { nginx: { running: false }, id: 'm1' } },
      { tag: 'salt/beacon/m1/thing/', data: { '1m': 2, id: 'm1' } },
    ])
    expect(fired.items).toHaveLength(6)
  })

  it('tell changes alone where they are asked to, of each thing by itself', async () => {
    const { start, clock, world, fired } = await createPlace()
    world.found = [state('up', { thing: 'a' }), state('down', { thing: 'b', telling: { emitatstartup: false } })]
    await start({ thing: { onchangeonly: true } })
    await clock.turn(3000)
    expect(fired.items.map(({ data }) => data.state)).toEqual(['up'])
    world.found = [state('up', { thing: 'a' }), state('up', { thing: 'b' })]
    await clock.turn(3000)
    expect(fired.items.map(({ data }) => data.state)).toEqual(['up', 'up'])
  })

  it('forget what a look did not find', async () => {
    const { start, clock, world, fired } = await createPlace()
    const mounted = [state('over', { tag: '/mnt' })]
    world.found = mounted
    await start({ thing: { onchangeonly: true } })
    world.found = []
    await clock.turn(1000)
    world.found = mounted
    await clock.turn(1000)
    expect(fired.items).toHaveLength(2)
  })

  it('are several of one kind under names of their own', async () => {
    const { start, clock, world, fired } = await createPlace()
    world.found = [{ data: {} }]
    await start({ one: [{ beacon_module: 'thing' }], two: [{ beacon_module: 'thing' }, { threshold: 1 }] })
    await clock.turn(0)
    expect(fired.items.map(({ tag }) => tag).sort()).toEqual(['salt/beacon/m1/one/', 'salt/beacon/m1/two/'])
  })

  it('do not wait for one that hangs, or is wrong, or throws; each is said once', async () => {
    const { start, clock, world, did, lines, hanging, isSaid } = await createPlace()
    world.found = () => {
      throw new Error('no such device')
    }
    const { list } = await start({ hangs: null, wrong: [{ interval: 1 }], never: null, thing: null })
    await clock.turn(60_000)
    expect(did.filter(what => what.startsWith('poll'))).toHaveLength(61)
    // What no try mends is not tried again.
    expect(did.filter(what => what.startsWith('never'))).toEqual(['never 0'])
    const said = lines.items.filter(({ level }) => Number(level) >= 50)
    expect(said.map(line => [line.beacon, line.problem]).sort()).toEqual([
      ['hangs', 'it has been looking for 30 s, and is not asked again before it is back'],
      ['never', 'there is no such file'],
      ['thing', 'no such device'],
      ['wrong', "there is no beacon 'wrong'."],
    ])
    expect(list({ return_yaml: false })).toEqual({
      hangs: [{ _error: expect.stringContaining('looking for 30 s') }],
      never: [{ _error: 'there is no such file' }],
      thing: [{ _error: 'no such device' }],
      wrong: [{ interval: 1 }, { _error: "there is no beacon 'wrong'." }],
    })
    world.found = []
    hanging.open()
    await clock.turn(1000)
    expect(isSaid('the beacon looks again')).toBe(true)
    expect(list({ return_yaml: false })).toMatchObject({ hangs: [], thing: [] })
  })

  it('say what is wrong with what a look gives', async () => {
    const { start, clock, world, fired } = await createPlace()
    world.found = [{ data: 'text' as never }]
    const { list } = await start({ thing: null })
    await clock.turn(0)
    expect(list()).toContain("_error: its poll gives no list of { tag, data, state } with a map 'data'\n")
    const circle: Record<string, unknown> = {}
    circle.circle = circle
    for (const [data, problem] of [
      [circle, 'data that are no JSON'],
      [{ text: 'x'.repeat(128 * 1024) }, 'data of 128 KiB and more'],
    ] as const) {
      world.found = [{ data }]
      await clock.turn(1000)
      expect(list()).toContain(problem)
    }
    expect(fired.items).toEqual([])
  })

  it('take ten thousand things of a look, and say that there were more', async () => {
    const { start, clock, world, fired } = await createPlace()
    world.found = Array.from({ length: 10_001 }, (_, at) => ({ data: { at } }))
    const { list } = await start({ thing: null })
    await clock.turn(0)
    expect(list()).toContain('_error: its poll gives more than 10000 things; the others are not told')
    world.found = []
    await clock.turn(2000)
    // A thousand are on their way at a time.
    expect(fired.items).toHaveLength(1001)
    expect(fired.items[1000]).toMatchObject({ tag: 'salt/minion/m1/beacon/thing/dropped', data: { count: 9000 } })
  })

  it('do not look while a state run goes on, and begin anew after it', async () => {
    const { start, clock, world, did } = await createPlace()
    await start({ thing: { interval: 10, disable_during_state_run: true } })
    world.begun++
    world.running = true
    await clock.turn(20_000)
    world.running = false
    await clock.turn(10_000)
    expect(did).toEqual(['open 0 0', 'poll 0', 'close 10', 'open 0 30', 'poll 30'])
    // One that is over before the next look.
    world.begun++
    await clock.turn(10_000)
    expect(did.slice(5)).toEqual(['close 40', 'open 0 40', 'poll 40'])
  })

  it('tell nothing of what a state run has changed, and of all that changes after it', async () => {
    const { start, clock, world, fired } = await createPlace()
    const service = (what: string) => [state(what, { tag: 'nginx', tell: what === 'stopped' })]
    world.found = service('running')
    await start({ thing: { interval: 10, onchangeonly: true, disable_during_state_run: true } })
    await clock.turn(10_000)
    world.begun++
    world.running = true
    world.found = service('stopped')
    await clock.turn(20_000)
    world.running = false
    await clock.turn(20_000)
    expect(fired.items).toEqual([])
    world.found = service('running')
    await clock.turn(10_000)
    expect(fired.items).toHaveLength(1)
  })

  it('of the pillar look too; what the config says goes before it', async () => {
    const { start, clock, world, did, isSaid } = await createPlace()
    const { setPillar, list } = await start({ thing: { threshold: 1 } })
    setPillar({ beacons: { thing: { threshold: 2 }, other: { beacon_module: 'thing', threshold: 3 } } })
    await clock.turn(0)
    expect(did.filter(what => what.startsWith('open'))).toEqual(['open 1 0', 'open 3 0'])
    expect(list({ return_yaml: false, include_opts: false })).toEqual({
      other: { beacon_module: 'thing', threshold: 3 },
    })
    setPillar({ beacons: 'none' })
    await clock.turn(0)
    expect(did).toContain('close 0')
    expect(isSaid("'beacons' must be a map of beacons")).toBe(true)
    expect(Object.keys(list({ return_yaml: false }) as object)).toEqual(['thing'])
    expect(world.running).toBe(false)
  })

  it('go on as they are when the pillar comes again as it was', async () => {
    const { start, clock, did } = await createPlace()
    const { setPillar } = await start()
    for (let n = 0; n < 3; n++) {
      setPillar({ beacons: { thing: [{ interval: 60 }] } })
      await clock.turn(0)
    }
    expect(did).toEqual(['open 0 0', 'poll 0'])
  })

  it('do not tell secrets of the pillar, in events or the log', async () => {
    const { start, clock, world, fired, isSaid } = await createPlace()
    world.found = [{ tag: SECRET, data: { line: `login ${SECRET}` } }]
    await start({ thing: null })
    await clock.turn(0)
    expect(fired.items).toEqual([
      { tag: 'salt/beacon/m1/thing/[redacted]', data: { line: 'login [redacted]', id: 'm1' } },
    ])
    expect(isSaid('thing looks')).toBe(true)
    expect(isSaid(SECRET)).toBe(false)
  })
})

describe('beacons while the link is away', () => {
  it('keep what changes and what happens, and do not say the same again', async () => {
    const { start, clock, world, spooled, connect, fired } = await createPlace()
    world.connected = false
    world.found = [state('down')]
    await start({ thing: null })
    await clock.turn(300_000)
    world.found = [state('up')]
    await clock.turn(300_000)
    expect([...spooled.values()].map(({ data }) => data.state)).toEqual(['down', 'up'])
    connect()
    await clock.turn(1000)
    expect(fired.items.map(({ data }) => data.state)).toEqual(['down', 'up', 'up'])
  })

  it('keep a thousand events of one beacon, then the newest state of each thing, and say how many there are not', async () => {
    const { start, clock, world, spooled, connect, fired, isSaid } = await createPlace()
    world.connected = false
    let n = 0
    world.found = () => [{ data: { line: ++n } }, state(String(n), { tag: 'flaps' })]
    await start({ thing: null, calm: { beacon_module: 'thing', interval: 10_000 } })
    await clock.turn(999_500)
    expect([...spooled.values()].filter(({ tag }) => tag.startsWith('salt/beacon/m1/thing/'))).toHaveLength(1000)
    expect([...spooled.values()].filter(({ tag }) => tag.startsWith('salt/beacon/m1/calm/'))).toHaveLength(2)
    expect(isSaid('no more of it are kept')).toBe(true)
    world.found = []
    connect()
    await clock.turn(2000)
    const [dropped, newest] = fired.items.slice(1002)
    expect(dropped).toEqual({
      tag: 'salt/minion/m1/beacon/thing/dropped',
      data: { id: 'm1', beacon: 'thing', count: 999, from: expect.any(String), to: stamp(NOW + 999_000) },
    })
    expect(newest).toEqual({ tag: 'salt/beacon/m1/thing/flaps', data: { state: String(n), id: 'm1' } })
    expect(fired.items).toHaveLength(1004)
  })
})
