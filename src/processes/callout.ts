// Answers the logins that the server's config does not name: the auth callout of a master, on a connection of its own in AUTH.
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { createStack, type Running } from '../base/service.ts'
import { connectBus } from '../bus/connect.ts'
import type { Fire } from '../bus/fire.ts'
import { createSigner, type Signer } from '../bus/nkey.ts'
import { readSeed } from '../bus/seed.ts'
import type { Config } from '../config/schema.ts'
import type { Admit } from '../keys/admit.ts'
import type { KeyStore } from '../keys/store.ts'
import { type Logins, startCallout } from '../login/callout.ts'
import { cutOnChange, cutStrangers } from '../login/changes.ts'
import { createConnections } from '../login/connections.ts'
import { createGuesses } from '../login/guesses.ts'
import { createKicks } from '../login/kicks.ts'
import { createMinionLogins } from '../login/minion-login.ts'
import { createOperatorLogins } from '../login/operator-login.ts'
import { createTold } from '../login/told.ts'
import { createWaitingLogins } from '../login/waiting-logins.ts'
import { createOperatorLogin } from '../operators/login.ts'
import { createPasswordCheck } from '../operators/password.ts'
import type { OperatorStore } from '../operators/store.ts'

export interface LoginParts {
  /** As `_master`. */
  fire: Fire
  audit: Audit
  clock: Clock
  keys: KeyStore
  admit: Admit
  operators: OperatorStore
  log: Log
}

/**
 * Throws `bad_config`, `unreadable` or `forbidden` on seeds that cannot be read; answers logins once resolved. Without a callout
 * there are no `stats`.
 */
export async function startLogins(
  config: Config,
  parts: LoginParts,
): Promise<Running & Partial<Pick<Logins, 'stats'>>> {
  const { callout, login_ttl: loginTtl } = config.master
  const { keys, operators, clock, log } = parts
  const stack = createStack(problem => log.warn(problem))
  if (config.isolation === 'none') {
    if (callout) log.warn('master.callout is not used: with isolation none the server asks about nobody')
    return stack
  }
  if (!callout) {
    log.info('logins are not answered here (master.callout is not set): only static users of the server come in')
    return stack
  }
  try {
    const issuer = await readIssuer(callout.issuer)
    const bus = await connectBus({
      servers: config.servers,
      namespace: config.namespace,
      name: `${config.namespace}_callout`,
      seedFile: callout.seed,
      tls: config.tls,
      patient: true,
      log,
    })
    stack.defer(() => bus.close())
    const { nc } = bus
    const connections = createConnections(nc)
    const kicks = stack.add(createKicks({ connections, log }))
    stack.defer(cutOnChange({ keys, operators }, kicks))
    const known = {
      operator: (name: string) => operators.find(name) !== undefined,
      minion: (id: string) => keys.get(id)?.own?.state === 'accepted',
    }
    const told = createTold({ ...parts, known })
    stack.defer(() => told.stop())
    const waiting = createWaitingLogins(keys)
    const common = { namespace: config.namespace, loginTtl, told }
    const minions = createMinionLogins({ ...common, admit: parts.admit, waiting })
    const logins = createOperatorLogins({
      ...common,
      login: createOperatorLogin(operators, createPasswordCheck()),
      guesses: createGuesses(clock),
    })
    const { stats } = stack.add(
      startCallout({ nc, issuer, minions, operators: logins, onServer: connections.saw, log }),
    )
    // First of all: who is held comes to another master at once.
    stack.defer(() => waiting.release())
    await nc.flush()
    stack.add(cutStrangers({ letIn: { keys, operators }, connections, kicks, clock, log }))
    return Object.assign(stack, { stats })
  } catch (error) {
    await stack.stop()
    throw error
  }
}

async function readIssuer(file: string): Promise<Signer> {
  const seed = await readSeed(file)
  try {
    if (seed === undefined) throw new Error('there is no such file')
    return createSigner(seed, 'account')
  } catch (error) {
    throw new ReactorError(
      'bad_config',
      `cannot sign logins with master.callout.issuer ${file}: ${errorMessage(error)}; it must hold the seed of an account ('SA…')`,
    )
  }
}
