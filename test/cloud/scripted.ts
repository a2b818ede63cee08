// Clouds as a job worker has them, with a driver that does as it is told: events go through a real store, names are claimed in a real
// bucket.
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { openLeases } from '../../src/bus/lease.ts'
import { openAccounts } from '../../src/cloud/accounts.ts'
import { type Asking, createClouds } from '../../src/cloud/clouds.ts'
import { parseConfig } from '../../src/config/load.ts'
import { type CloudInstance, type CloudMinion, cloud, type OpenCloud } from '../../src/functions/define-cloud.ts'
import { runnerEvents } from '../../src/jobs/runner-events.ts'
import { type Core, keptLog } from '../helpers/core.ts'
import { nkeyOf } from '../keys/nkeys.ts'

export const SECRET = 'hush-hush-hush'
export const PASSWORD = 'profile-pass-word'

type Script = Partial<OpenCloud<{ size: string; password?: string | undefined }>>

/** `script` in the place of what the driver does of itself: every machine runs at once, and its minion comes to the door. */
export async function openScripted(core: Core, script: Script = {}, more: Record<string, unknown> = {}) {
  const machines = new Map<string, CloudInstance>()
  const deployed: CloudMinion[] = []
  const inHand = { now: 0, most: 0 }
  const { log, lines } = keptLog()
  const known = new Set<string>()
  const auth = (id: string, act: string, pub = nkeyOf(id)) => core.fire('salt/auth', { id, act, pub, result: true })

  const usual: OpenCloud<{ size: string }> = {
    list: async () => [...machines.values()],
    async request({ name, profile }) {
      inHand.most = Math.max(inHand.most, ++inHand.now)
      const id = `i-${name}`
      const addresses = { private_ips: ['10.0.0.1'], public_ips: ['192.0.2.1'] }
      machines.set(id, { id, name, state: 'running', size: profile.size, ...addresses })
      return { id }
    },
    query: async id => machines.get(id),
    answers: async () => true,
    async deploy({ name }, minion) {
      deployed.push(minion)
      await auth(name, 'pend')
      inHand.now--
      return { public_key: nkeyOf(name) }
    },
    async destroy({ id }) {
      machines.delete(id)
    },
  }
  const definition = cloud({
    doc: 'for tests',
    options: z.strictObject({ password: z.string().optional(), blob: z.string().optional() }),
    profile: z.strictObject({ size: z.string().default('s'), password: z.string().optional() }),
    secrets: ['blob'],
    pollMs: 5,
    open: () => ({ ...usual, ...script }),
  })
  const config = parseConfig(
    {
      servers: ['nats://core:pass@127.0.0.1:4222'],
      namespace: core.ns,
      ...more,
      cloud: {
        providers: { east: { driver: 'scripted', password: SECRET, minion: { grains: { at: 'east' } } } },
        profiles: { small: { provider: 'east', size: 'xs', password: PASSWORD, minion: { grains: { role: 'web' } } } },
        ...(more.cloud as object),
      },
    },
    'test',
  )
  const accounts = await openAccounts(config, { load: async () => definition }, log)
  const clouds = createClouds({
    ...{ config, accounts, log, fire: core.fire },
    hear: runnerEvents(core, {}),
    leases: await openLeases(core.nc, core.ns, 1, 'test', log),
    isKnown: id => known.has(id),
  })
  onTestFinished(() => clouds.stop())
  const asking = (signal: AbortSignal = new AbortController().signal): Asking => ({
    trace: { cause: '9', hops: 1 },
    signal,
  })
  return {
    ...{ clouds, machines, deployed, known, auth, lines, inHand, usual },
    make: (names: string[], options = {}, signal?: AbortSignal) =>
      clouds.create({ profile: 'small' }, names, options, asking(signal)),
    asking,
    /** What was fired of a machine, in order. */
    stages: (name: string) =>
      core.events.items.filter(({ tag }) => tag.startsWith(`salt/cloud/${name}/`)).map(({ tag }) => tag.split('/')[3]),
  }
}
