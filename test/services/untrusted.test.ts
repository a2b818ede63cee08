import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { runner } from '../../src/functions/define.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import type { FunctionCall } from '../../src/jobs/run-function.ts'
import { HEADER } from '../../src/protocol/event.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { serveFunctions } from '../../src/services/functions.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { openAuthority } from '../helpers/authority.ts'
import { createSeen } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const asked = createSeen<FunctionCall>()
const registry = createRegistry('runner', new Map([['own.it', runner({ doc: 'x', run: () => null })]]))

let accounts: Accounts
beforeAll(async () => {
  accounts = await startAccounts()
  const { core, admin } = accounts.actors
  await serveFunctions({
    nc: core.nc,
    subjects,
    registry,
    run: async call => {
      asked.push(call)
      return { jid: '1', outcome: { ok: true, value: null } }
    },
    authority: openAuthority({ statics: { [admin.nkey]: 'admin' } }),
    log: silentLog,
  })
  await core.nc.flush()
})
afterAll(() => accounts.stop())

const ask = async (nc: NatsConnection, untrusted: string) => {
  const headers = createHeaders()
  headers.set(HEADER.untrusted, untrusted)
  const reply = await nc.request(subjects.runner('own.it'), '[]', { timeout: 30_000, headers })
  return { error: reply.headers?.get('Nats-Service-Error') || undefined, call: asked.items.at(-1) }
}

it('services of CORE say which arguments are untrusted, an operator’s word on it is not heard', async () => {
  const { core, admin } = accounts.actors
  const paths = [['kwarg', 'Ключ "a.b"', 0]]
  expect((await ask(core.nc, JSON.stringify(paths))).call?.untrusted).toEqual(paths)
  const { error, call } = await ask(admin.nc, JSON.stringify(paths))
  expect(error).toBeUndefined()
  expect(call).toMatchObject({ user: 'admin', untrusted: undefined })
})

it.each(['[', '{}', '["arg.0"]', '[[]]'])('a list of them that cannot be read (%s) runs nothing', async text => {
  const before = asked.items.length
  const { error } = await ask(accounts.actors.core.nc, text)
  expect(error).toBeDefined()
  expect(asked.items).toHaveLength(before)
})
