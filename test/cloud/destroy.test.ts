import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { openScripted, PASSWORD, SECRET } from './scripted.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const account = { driver: 'scripted', password: SECRET }
const TWO = { cloud: { providers: { east: account, west: account } } }
const broken = async () => {
  throw new Error(`no answer for ${SECRET}`)
}

describe('machines that are taken away', () => {
  it('are gone when destroyed says so; names that nobody has are said', async () => {
    const core = await openCore(server)
    let looks = 0
    const scripted = await openScripted(core, {
      destroy: async () => undefined,
      query: async id => {
        if (scripted.stages('vm1').includes('destroying') && ++looks > 2) scripted.machines.delete(id)
        return scripted.machines.get(id)
      },
    })
    await scripted.make(['vm1'])
    expect(await scripted.clouds.destroy(['vm1', 'vm9'], scripted.asking())).toEqual({
      destroyed: {
        east: { scripted: { vm1: { instance_id: 'i-vm1', previousState: 'running', currentState: 'terminated' } } },
      },
      failed: {},
      missing: ['vm9'],
    })
    const { data } = await core.events.find(({ tag }) => tag === 'salt/cloud/vm1/destroyed', 'destroyed')
    expect(data).toMatchObject({ name: 'vm1', provider: 'east', driver: 'scripted', instance_id: 'i-vm1' })
    await expect(scripted.clouds.destroy(['vm1'], scripted.asking())).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are taken away once, of two calls at once too', async () => {
    const scripted = await openScripted(await openCore(server))
    await scripted.make(['vm1'])
    const both = await Promise.all([1, 2].map(() => scripted.clouds.destroy(['vm1'], scripted.asking())))
    expect(both.map(({ missing }) => missing).sort()).toEqual([[], ['vm1']])
    expect(scripted.stages('vm1').filter(stage => stage === 'destroying')).toHaveLength(1)
  })

  it('that stay are said, without secrets, and not to be destroyed', async () => {
    const core = await openCore(server)
    const scripted = await openScripted(core, { destroy: broken })
    await scripted.make(['vm1'])
    const { failed, destroyed } = await scripted.clouds.destroy(['vm1'], scripted.asking())
    expect([failed, destroyed]).toEqual([{ vm1: { Error: 'no answer for [redacted]', stage: 'destroying' } }, {}])
    expect(scripted.stages('vm1').at(-1)).toBe('destroying')
  })

  it('are looked for at every provider before any is', async () => {
    const core = await openCore(server)
    let down = false
    const scripted = await openScripted(
      core,
      { list: async () => (down ? broken() : scripted.usual.list(never())) },
      TWO,
    )
    await scripted.make(['vm1'])
    down = true
    await expect(scripted.clouds.destroy(['vm1'], scripted.asking())).rejects.toMatchObject({
      message: expect.stringContaining('cannot be asked'),
    })
    expect(scripted.stages('vm1')).not.toContain('destroying')
  })
})

describe('what there is', () => {
  it('is listed by provider, driver and name, briefly or in full', async () => {
    const scripted = await openScripted(await openCore(server))
    await scripted.make(['vm1'])
    const brief = {
      ...{ id: 'i-vm1', name: 'vm1', state: 'running', image: null, size: 'xs' },
      ...{ private_ips: ['10.0.0.1'], public_ips: ['192.0.2.1'] },
    }
    expect(await scripted.clouds.query(false, scripted.asking())).toEqual({
      machines: { east: { scripted: { vm1: brief } } },
      failed: {},
    })
    expect(scripted.clouds.providers()).toEqual({ east: { scripted: {} } })
    const profiles = scripted.clouds.profiles('all')
    expect(profiles).toEqual({
      east: {
        scripted: {
          small: { provider: 'east:scripted', size: 'xs', password: '[redacted]', minion: { grains: { role: 'web' } } },
        },
      },
    })
    expect(JSON.stringify(profiles)).not.toContain(PASSWORD)
    expect(() => scripted.clouds.profiles('aest')).toThrow("Did you mean 'east'")
  })

  it('has profiles without the tokens and passwords of their minions', async () => {
    const minion = { join: SECRET, servers: [`nats://u:${PASSWORD}@h:1`, 'nats://h:2'], grains: { role: 'web' } }
    const cloud = {
      providers: { east: { ...account, minion } },
      profiles: { small: { provider: 'east', minion }, bare: { provider: 'east' } },
    }
    const { clouds } = await openScripted(await openCore(server), {}, { cloud })
    const shown = { join: '[redacted]', servers: ['nats://h:1', 'nats://h:2'], grains: { role: 'web' } }
    expect(clouds.profiles('all')).toEqual({
      east: { scripted: { small: { provider: 'east:scripted', minion: shown }, bare: { provider: 'east:scripted' } } },
    })
  })

  it('of a provider that cannot be asked is said beside the others', async () => {
    let asked = 0
    const scripted = await openScripted(
      await openCore(server),
      { list: async () => (asked++ % 2 === 0 ? broken() : scripted.usual.list(never())) },
      TWO,
    )
    const { machines, failed } = await scripted.clouds.query(true, scripted.asking())
    expect(machines).toEqual({ west: { scripted: {} } })
    expect(failed).toEqual({ east: "the cloud provider 'east' cannot be asked: no answer for [redacted]" })
  })
})

const never = () => new AbortController().signal
