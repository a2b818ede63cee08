// What a service of CORE knows of operators: the roles of the config, those who have them, and the one place that says who may
// what. Without accounts nobody is attested, and everybody may everything.
import { type Audit, createAudit } from '../audit/audit.ts'
import type { Log } from '../base/log.ts'
import type { Config } from '../config/schema.ts'
import { type Authority, createAuthority } from '../operators/authority.ts'
import { type Roles, readRoles } from '../operators/roles.ts'
import { type OperatorStore, openOperators } from '../operators/store.ts'
import type { TargetContext } from '../protocol/target.ts'
import type { Core } from './core.ts'

export const targetContext = ({ nodegroups }: Config): TargetContext => ({ nodegroups, pillar: true })

/** Throws `bad_config`. */
export const rolesOf = (config: Config): Roles => readRoles(config.roles, targetContext(config))

export const openOperatorStore = (
  { nc, clock }: Core,
  config: Config,
  roles: Roles,
  log: Log,
  { passwords = true }: { passwords?: boolean } = {},
): Promise<OperatorStore> =>
  openOperators({
    passwords,
    nc,
    namespace: config.namespace,
    replicas: config.streams.replicas,
    roles,
    statics: config.operators,
    now: clock.now,
    log,
  })

export interface Rights {
  audit: Audit
  authority: Authority
}

/** Follows the operators until the stack of the service stops. */
export async function openRights(core: Core, config: Config, roles: Roles, log: Log): Promise<Rights> {
  const accounts = config.isolation === 'accounts'
  const store = accounts
    ? core.stack.add(await openOperatorStore(core, config, roles, log, { passwords: false }))
    : { grants: () => undefined }
  return rightsOf(core, config, store, log)
}

export function rightsOf({ fire }: Core, config: Config, store: Pick<OperatorStore, 'grants'>, log: Log): Rights {
  const audit = createAudit(fire, log)
  const accounts = config.isolation === 'accounts'
  return { audit, authority: createAuthority({ accounts, statics: config.operators, store, audit }) }
}
