// Making one machine: the order of the stages, an event for each, and what is done when one fails.
import { setImmediate as turn } from 'node:timers/promises'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { CloudInstance, CloudMinion } from '../functions/define-cloud.ts'
import {
  cloudCreated,
  cloudCreating,
  cloudDeploying,
  cloudQuerying,
  cloudRequesting,
  cloudWaitingForSsh,
} from '../protocol/catalogue/cloud.ts'
import { isPublicKey } from '../protocol/key.ts'
import type { Account, ReadProfile } from './accounts.ts'
import { listenForContact } from './contact.ts'
import { destroyInstance } from './destroy.ts'
import { type CloudParts, type FailedStage, named, stageFailed, unknownInstance } from './parts.ts'
import { runStage, type Stage, until } from './stage.ts'

export interface Wanted {
  name: string
  account: Account
  /** Its name in the config; null: none. */
  profile: string | null
  read: ReadProfile
  minion: CloudMinion
}

/**
 * Makes it, and resolves when its minion is at the door. When a stage fails, what was made is taken away again; thrown is what
 * went wrong, with `stage` and, where something could not be taken away, `left` in its details.
 */
export async function createInstance(parts: CloudParts, wanted: Wanted, signal: AbortSignal): Promise<CloudInstance> {
  const { say, timeouts, log } = parts
  const { name, account, profile, read, minion } = wanted
  const { cloud, pollMs } = account
  const data = { ...named(account, name), profile }
  const vm = { vm: name }
  let at = 'creating' as FailedStage
  let asking = false
  let over = false
  let id: string | undefined
  let key: string | undefined

  const stage = <T>(next: Stage, work: (inner: AbortSignal) => Promise<T>, late?: (value: T) => void) => {
    at = next
    return runStage({ stage: next, ms: timeouts[next], signal, ...(late ? { late } : {}) }, work)
  }
  const look = async (of: string, inner: AbortSignal): Promise<CloudInstance> => {
    const found = await cloud.query(of, inner)
    if (found?.state === 'pending' || found?.state === 'running') return found
    const how = found ? `is '${found.state}'` : 'is gone'
    throw new ReactorError('function_failed', `the machine ${how}, and was to be running`)
  }
  const run = async (): Promise<CloudInstance> => {
    await say(cloudCreating.of(vm, { ...data, event: 'starting create' }))
    await say(cloudRequesting.of(vm, { ...data, event: 'requesting instance', kwargs: read.shown }))
    const request = async (inner: AbortSignal) => {
      asking = true
      try {
        return await cloud.request({ name, profile: read.profile }, inner)
      } finally {
        asking = false
      }
    }
    const asked = await stage('requesting', request, late => {
      id = late.id
      if (over) void cleanUp()
    })
    const instance_id = asked.id
    id = instance_id

    await say(cloudQuerying.of(vm, { ...data, event: 'querying instance', instance_id }))
    const instance = await stage('querying', inner =>
      until(
        async () => {
          const found = await look(instance_id, inner)
          return found.state === 'running' && addressOf(found) !== undefined ? found : undefined
        },
        pollMs,
        inner,
      ),
    )

    const ip_address = addressOf(instance)!
    await say(cloudWaitingForSsh.of(vm, { ...data, event: 'waiting for ssh', instance_id, ip_address }))
    await stage('waiting_for_ssh', inner =>
      until(
        async () => {
          if (await cloud.answers(instance, inner)) return true
          await look(instance_id, inner)
          return undefined
        },
        pollMs,
        inner,
      ),
    )

    await say(cloudDeploying.of(vm, { ...data, event: 'executing deploy script', instance_id }))
    const made = await stage('deploying', async inner => {
      const contact = await listenForContact(parts.hear, name, parts.isolation, inner)
      const deployed = await cloud.deploy(instance, minion, inner)
      if (!isPublicKey(deployed.public_key))
        throw new ReactorError('bad_module', `the driver ${account.driver} gave no public key of the new minion`)
      key = deployed.public_key
      const died = until<never>(async () => void (await look(instance_id, inner)), pollMs, inner)
      await Promise.race([contact.of(key, inner), died])
      return look(instance_id, inner)
    })

    const { private_ips, public_ips } = made
    const public_key = parts.isolation === 'accounts' ? key! : null
    await say(
      cloudCreated.of(vm, { ...data, event: 'created instance', instance_id, private_ips, public_ips, public_key }),
    )
    return public_key === null ? made : { ...made, public_key }
  }

  /** What is left, where something is. */
  const cleanUp = async (): Promise<string | undefined> => {
    if (id === undefined) return undefined
    const made = id
    const enough = AbortSignal.timeout(timeouts.destroying)
    const unsaid = (error: unknown) =>
      log.error({ name, error: errorMessage(error) }, 'an event of a machine could not be stored')
    try {
      const found = await cloud.query(made, enough).catch(() => unknownInstance(made, name))
      if (found)
        await destroyInstance(
          { ...parts, say: event => parts.say(event).catch(unsaid) },
          account,
          { ...found, ...(key === undefined ? {} : { public_key: key }) },
          enough,
        )
      return undefined
    } catch (error) {
      const left = `the machine ${made}: ${read.scrub(errorMessage(error))}`
      log.error({ name, provider: account.name, left }, 'a machine that was not finished could not be taken away')
      return left
    }
  }

  try {
    return await run()
  } catch (error) {
    // The id may just have come, too late.
    await turn()
    over = true
    const unknown = asking ? 'whether the provider still makes it is not known: cloud.query shows it then' : undefined
    throw stageFailed(read.scrub, at, error, (await cleanUp()) ?? unknown)
  }
}

const addressOf = ({ public_ips, private_ips }: CloudInstance): string | undefined => public_ips[0] ?? private_ips[0]
