import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as catalogue from '../../src/protocol/catalogue/cloud.ts'
import { problemOf } from '../../src/protocol/catalogue/define.ts'
import { minionStart } from '../../src/protocol/catalogue/minion.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createGate } from '../helpers/wait.ts'
import { nkeyOf } from '../keys/nkeys.ts'
import { openScripted, PASSWORD, SECRET } from './scripted.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const STAGES = ['creating', 'requesting', 'querying', 'waiting_for_ssh', 'deploying', 'created']
const upTo = (stage: string) => STAGES.slice(0, STAGES.indexOf(stage) + 1)
const never = () => new Promise<never>(() => undefined)
const open = async (...given: Parameters<typeof openScripted> extends [unknown, ...infer R] ? R : never) => {
  const core = await openCore(server)
  return { core, ...(await openScripted(core, ...given)) }
}

describe('a machine that is made', () => {
  it('goes through the stages of Salt Cloud, each an event as it is declared, and none has a secret', async () => {
    const { make, core, stages } = await open()
    const made = await make(['vm1'])
    expect(made).toEqual({
      done: {
        vm1: {
          ...{ id: 'i-vm1', name: 'vm1', state: 'running', size: 'xs', image: null, deployed: true },
          ...{ private_ips: ['10.0.0.1'], public_ips: ['192.0.2.1'], public_key: nkeyOf('vm1') },
        },
      },
      failed: {},
    })
    await core.events.find(({ tag }) => tag === 'salt/cloud/vm1/created', 'created')
    expect(stages('vm1')).toEqual(STAGES)
    const events = core.events.items.filter(({ tag }) => tag.startsWith('salt/cloud/'))
    for (const { tag, data } of events) {
      const { _stamp, ...own } = data
      const definition = Object.values(catalogue).find(one => one.matches(tag))!
      expect(problemOf(definition, own)).toBeUndefined()
      expect(JSON.stringify(data)).not.toMatch(new RegExp(`${SECRET}|${PASSWORD}`))
    }
    expect(events.map(({ data }) => data)).toMatchObject([
      { name: 'vm1', provider: 'east', driver: 'scripted', profile: 'small', event: 'starting create' },
      { kwargs: { size: 'xs', password: '[redacted]' } },
      { instance_id: 'i-vm1' },
      { ip_address: '192.0.2.1' },
      { event: 'executing deploy script' },
      { public_key: nkeyOf('vm1'), instance_id: 'i-vm1' },
    ])
    expect(events[0]).toMatchObject({ cause: '9', hops: 1 })
  })

  it('is returned as it is in the end', async () => {
    const scripted = await open({
      query: async id => {
        const found = scripted.machines.get(id)
        return found && { ...found, extra: { minions: scripted.deployed.length } }
      },
    })
    expect((await scripted.make(['vm1'])).done.vm1).toMatchObject({ deployed: true, minions: 1 })
  })

  it('has a minion of this installation, with what provider, profile and call say of it', async () => {
    const { make, deployed } = await open({}, { tls: { ca: '/etc/ca.pem', cert: '/own.pem', key: '/own.key' } })
    await make(['vm1'], { size: 'xl', minion: { grains: { more: 1 }, beat: '5s' } })
    expect(deployed).toMatchObject([
      {
        id: 'vm1',
        config: {
          ...{ servers: ['nats://127.0.0.1:4222'], isolation: 'accounts', tls: { ca: '/etc/ca.pem' } },
          minion: { id: 'vm1', grains: { at: 'east', role: 'web', more: 1 }, beat: '5s' },
        },
      },
    ])
    expect(JSON.stringify(deployed)).not.toMatch(/pass|own\.(pem|key)/)
    await expect(make(['vm2'], { minion: { id: 'other' } })).rejects.toMatchObject({ code: 'bad_config' })
    await expect(make(['vm2'], { minion: { graisn: {} } })).rejects.toMatchObject({
      message: expect.stringContaining("Did you mean 'grains'"),
    })
    await expect(make(['vm2'], { sise: 'xl' })).rejects.toMatchObject({
      ...{ code: 'bad_argument', message: "the profile 'small': unknown setting 'sise'. Did you mean 'size'?" },
    })
  })

  it('gets no file and no variable of the job worker that a call names, and no secret that a call would show', async () => {
    const { make, machines } = await open()
    for (const password of [{ file: '/etc/hostname' }, { env: 'PATH' }])
      await expect(make(['vm1'], { password })).rejects.toMatchObject({
        ...{ code: 'bad_argument', message: expect.stringContaining('password: Invalid input') },
      })
    for (const [options, key] of [
      [{ blob: 'x' }, 'blob'],
      [{ disks: [{ blob: 'x' }] }, 'disks.0.blob'],
      [{ minion: { join: 'x' } }, 'minion.join'],
      [{ minion: { servers: ['nats://h:1', 'nats://u:x@h:2'] } }, 'minion.servers'],
      [{ minion: { module_config: { blob: 'x' } } }, 'minion.module_config.blob'],
    ] as const)
      await expect(make(['vm1'], options)).rejects.toMatchObject({
        ...{ code: 'bad_argument', message: expect.stringContaining(`'${key}' is a secret`) },
      })
    expect(machines.size).toBe(0)

    const passwords: unknown[] = []
    const scripted = await open(
      {
        request: async (wanted, signal) => {
          passwords.push(wanted.profile.password)
          return scripted.usual.request(wanted, signal)
        },
      },
      { cloud: { profiles: { small: { provider: 'east', password: { env: 'PATH' } } } } },
    )
    await scripted.make(['vm1'])
    expect(passwords).toEqual([process.env.PATH])
    expect(JSON.stringify(scripted.core.events.items)).not.toContain(process.env.PATH)
  })

  it('is waited for: until it has an address, until it answers, until its key is at the door', async () => {
    let looks = 0
    const door = createGate()
    let knocked: Promise<unknown> | undefined
    const scripted = await open({
      query: async id => {
        const found = scripted.machines.get(id)
        return found && looks++ < 3 ? { ...found, state: 'pending', private_ips: [], public_ips: [] } : found
      },
      answers: async () => looks++ > 6,
      deploy: async ({ name }) => {
        knocked = door.passed.then(() => scripted.auth(name, 'pend'))
        return { public_key: nkeyOf(name) }
      },
    })
    const making = scripted.make(['vm1'])
    await scripted.core.events.find(({ tag }) => tag.endsWith('/deploying'), 'deploying')
    await scripted.auth('vm1', 'pend', nkeyOf('another'))
    await scripted.auth('vm2', 'pend', nkeyOf('vm1'))
    await scripted.core.events.reach(7)
    expect(scripted.stages('vm1')).toEqual(upTo('deploying'))
    door.open()
    await knocked
    expect((await making).done).toHaveProperty('vm1')
  })

  it('may be accepted at once; without accounts the start of its minion is its word', async () => {
    const accepted = await open({
      deploy: async ({ name }) => {
        await accepted.auth(name, 'accept')
        return { public_key: nkeyOf(name) }
      },
    })
    expect((await accepted.make(['vm1'])).failed).toEqual({})
    const bare = await open(
      {
        deploy: async ({ name }) => {
          const tag = minionStart.tag({ id: name })
          await bare.core.fire(tag, {
            id: name,
            cmd: '_minion_event',
            pretag: null,
            data: `Minion ${name} started`,
            tag,
          })
          return { public_key: nkeyOf(name) }
        },
      },
      { isolation: 'none' },
    )
    const { done } = await bare.make(['vm1'])
    expect(done.vm1).not.toHaveProperty('public_key')
  })

  it('is made beside others, so many at once as the config allows, whatever becomes of the others', async () => {
    const scripted = await open(
      {
        answers: async ({ name }) => {
          if (name === 'vm3') throw new Error('no way in')
          return true
        },
      },
      { cloud: { parallel: 2 } },
    )
    const names = ['vm1', 'vm2', 'vm3', 'vm4', 'vm5']
    const { done, failed } = await scripted.make(names)
    expect(Object.keys(done).sort()).toEqual(['vm1', 'vm2', 'vm4', 'vm5'])
    expect(failed).toEqual({ vm3: { Error: 'no way in', stage: 'waiting_for_ssh' } })
    expect(scripted.inHand.most).toBeLessThanOrEqual(3)
  })
})

describe('a machine that cannot be made', () => {
  const broken = async () => {
    throw new Error(`the cloud says no to ${SECRET} and ${PASSWORD}`)
  }

  it.each([
    ['requesting', () => ({ request: broken })],
    ['querying', (query: typeof broken) => ({ query })],
    ['waiting_for_ssh', () => ({ answers: broken })],
    ['deploying', () => ({ deploy: broken })],
  ] as const)('says that it ended while %s, and what was made is taken away again', async (stage, scriptOf) => {
    let broke = false
    const once = async (id: string) => {
      if (broke) return scripted.machines.get(id)
      broke = true
      return broken()
    }
    const scripted = await open(scriptOf(once as typeof broken))
    const { failed } = await scripted.make(['vm1'])
    expect(failed.vm1).toEqual({ Error: 'the cloud says no to [redacted] and [redacted]', stage })
    const end = stage === 'requesting' ? [] : ['destroying', 'destroyed']
    await scripted.core.events.reach(upTo(stage).length + end.length)
    expect(scripted.stages('vm1')).toEqual([...upTo(stage), ...end])
    // It may have had no key yet: then nobody's is to be deleted.
    for (const { data } of scripted.core.events.items.slice(upTo(stage).length)) expect(data.public_key).toBe(null)
    expect(scripted.machines.size).toBe(0)
  })

  it.each(['requesting', 'querying', 'waiting_for_ssh', 'deploying'] as const)(
    'is given up when %s takes too long, though its driver never ends',
    async stage => {
      const slow = {
        requesting: { request: never },
        querying: { query: async (id: string) => ({ ...scripted.machines.get(id)!, state: 'pending' }) },
        waiting_for_ssh: { answers: never },
        deploying: { deploy: never },
      }[stage]
      const scripted = await open(slow, { cloud: { timeouts: { [stage]: '50ms', destroying: '50ms' } } })
      const { failed } = await scripted.make(['vm1'])
      expect(failed.vm1).toMatchObject({ Error: 'it took longer than 50ms', stage })
    },
  )

  it('gives none of the secrets of its minion away, whatever its provider repeats of them', async () => {
    const scripted = await open(
      {
        deploy: async (_machine, { config }) => {
          throw new Error(`400 ${JSON.stringify(config)}`)
        },
      },
      {
        cloud: {
          providers: { east: { driver: 'scripted', minion: { servers: [`nats://u:${SECRET}@h:1`] } } },
          profiles: { small: { provider: 'east', minion: { join: PASSWORD } } },
        },
      },
    )
    const { failed } = await scripted.make(['vm1'])
    expect(failed.vm1).toMatchObject({ Error: expect.stringContaining('"join":"[redacted]"'), stage: 'deploying' })
    expect(JSON.stringify(failed)).not.toMatch(new RegExp(`${SECRET}|${PASSWORD}`))
  })

  it('is not waited for when it stops meanwhile, or is gone', async () => {
    const stopping = await open({
      answers: async ({ id }) => {
        stopping.machines.set(id, { ...stopping.machines.get(id)!, state: 'stopped' })
        return false
      },
    })
    const { failed } = await stopping.make(['vm1'])
    expect(failed.vm1).toMatchObject({ Error: expect.stringContaining("is 'stopped'"), stage: 'waiting_for_ssh' })
    const going = await open({
      deploy: async ({ id, name }) => {
        going.machines.delete(id)
        return { public_key: nkeyOf(name) }
      },
    })
    expect((await going.make(['vm1'])).failed.vm1).toMatchObject({
      Error: expect.stringContaining('is gone'),
      stage: 'deploying',
    })
  })

  it('fails where another key has its id, and its end names its own key', async () => {
    const scripted = await open({
      deploy: async ({ name }) => {
        await scripted.auth(name, 'denied')
        return { public_key: nkeyOf(name) }
      },
    })
    const { failed } = await scripted.make(['vm1'])
    expect(failed.vm1).toMatchObject({ Error: expect.stringContaining('its key was denied'), stage: 'deploying' })
    const end = await scripted.core.events.find(({ tag }) => tag.endsWith('/destroyed'), 'its end')
    expect(end.data).toMatchObject({ public_key: nkeyOf('vm1') })
  })

  it('is not disturbed by a stranger who comes under its id after it', async () => {
    const scripted = await open({
      deploy: async ({ name }) => {
        await scripted.auth(name, 'denied', nkeyOf('stranger'))
        await scripted.auth(name, 'pend')
        return { public_key: nkeyOf(name) }
      },
    })
    expect((await scripted.make(['vm1'])).failed).toEqual({})
  })

  it('says what is left where that cannot be taken away', async () => {
    const { make, lines } = await open({ answers: broken, destroy: broken })
    const { failed } = await make(['vm1'])
    const left = 'the machine i-vm1: the cloud says no to [redacted] and [redacted]'
    expect(failed.vm1).toMatchObject({ stage: 'waiting_for_ssh', left })
    await lines.find(({ msg, left: said }) => msg.includes('could not be taken away') && said === left, 'the line')
  })

  it('is taken away when whoever asked has gone', async () => {
    const gone = new AbortController()
    const scripted = await open({
      answers: async () => {
        gone.abort(new Error('the process is stopping'))
        return false
      },
    })
    const { failed } = await scripted.make(['vm1'], {}, gone.signal)
    expect(failed.vm1).toMatchObject({ Error: 'the process is stopping', stage: 'waiting_for_ssh' })
    expect(scripted.machines.size).toBe(0)
  })

  it('is taken away when its provider gives it an id after all', async () => {
    const late = createGate()
    const scripted = await open(
      {
        request: async wanted => {
          await late.passed
          return scripted.usual.request(wanted, new AbortController().signal)
        },
      },
      { cloud: { timeouts: { requesting: '50ms' } } },
    )
    const { failed } = await scripted.make(['vm1'])
    expect(failed.vm1).toMatchObject({ stage: 'requesting', left: expect.stringContaining('cloud.query') })
    late.open()
    await scripted.core.events.find(({ tag }) => tag === 'salt/cloud/vm1/destroyed', 'its end')
    expect(scripted.machines.size).toBe(0)
  })
})

describe('a name', () => {
  it('is taken once: by a machine, by a minion, or by a call that has it in hand', async () => {
    const scripted = await open()
    await scripted.make(['vm1'])
    scripted.known.add('web1')
    const { failed } = await scripted.make(['vm1', 'web1'])
    expect(failed).toMatchObject({
      vm1: { Error: "there is a machine 'vm1' already, at the provider 'east'" },
      web1: { Error: expect.stringContaining("there is a minion 'web1' already") },
    })
    const both = await Promise.all([scripted.make(['vm2']), scripted.make(['vm2'])])
    expect(both.flatMap(({ done }) => Object.keys(done))).toEqual(['vm2'])
    expect(scripted.stages('vm2').filter(stage => stage === 'creating')).toHaveLength(1)
  })

  it('that no minion can have is refused before anything is made', async () => {
    const { make, machines } = await open()
    for (const name of ['../up', 'a b', '', 'and', `${'x'.repeat(254)}`, '.hidden'])
      await expect(make(['vm1', name])).rejects.toMatchObject({ code: 'bad_argument' })
    await expect(make(['vm1', 'vm1'])).rejects.toMatchObject({ message: "'vm1' is named twice" })
    await expect(make([])).rejects.toMatchObject({ code: 'bad_argument' })
    expect(machines.size).toBe(0)
  })
})
