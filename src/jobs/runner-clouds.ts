// Machines of clouds as runner functions make and take them away: in the name of who asked, and held to their roles.
import { ReactorError } from '../base/errors.ts'
import type { Clouds as EngineClouds } from '../cloud/clouds.ts'
import type { Clouds } from '../functions/runner-context.ts'
import { matchesFunction } from '../operators/may.ts'
import { causedBy } from '../protocol/trace.ts'
import type { FunctionCall } from './run-function.ts'

export type CloudsOfWorker = Omit<EngineClouds, 'stop'>

export function runnerClouds(
  clouds: CloudsOfWorker,
  call: Pick<FunctionCall, 'user' | 'grants' | 'hops' | 'chain'> & { jid: string },
  signal: AbortSignal,
): Clouds {
  const { user, grants, jid } = call
  const asking = { trace: causedBy(jid, call), signal }
  const requireRight = (right: string) => {
    const fun = `cloud.${right}`
    if (!grants || matchesFunction(grants().runner, fun)) return
    throw new ReactorError(
      'forbidden',
      `'${user}' may not do this with machines: no role of theirs grants runner '${fun}'`,
    )
  }
  return {
    async create(provider, instances, options) {
      requireRight('create')
      return clouds.create({ provider }, instances, options, asking)
    },
    async profile(profile, instances, options) {
      requireRight('profile')
      return clouds.create({ profile }, instances, options, asking)
    },
    async destroy(instances) {
      requireRight('destroy')
      return clouds.destroy(instances, asking)
    },
    async query(full) {
      requireRight(full ? 'full_query' : 'query')
      return clouds.query(full, asking)
    },
    providers() {
      requireRight('list_providers')
      return clouds.providers()
    },
    profiles(provider) {
      requireRight('list_profiles')
      return clouds.profiles(provider)
    },
  }
}
