import { afterAll, beforeAll, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Asked } from '../../src/jobs/publish.ts'
import type { PublishMessage } from '../../src/protocol/job.ts'
import { NO_GRANTS } from '../../src/protocol/role.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { servePublish } from '../../src/services/publish.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'
import { keptAudit, openAuthority } from '../helpers/authority.ts'
import { createSeen } from '../helpers/wait.ts'

const subjects = createSubjects('reactor')
const PUBLISHED = { minions: ['m1'], offline: [], refused: {}, waiting: [], missing: [], deadline: 0, run_until: 0 }
const THOUSANDS = Array.from({ length: 40_000 }, (_, n) => `web${n}.rack-7.example.com.internal`)
const { audit, records } = keptAudit()
const calls = createSeen<{ request: PublishMessage; asked: Asked }>()
let accounts: Accounts
let stored: Uint8Array | undefined

beforeAll(async () => {
  accounts = await startAccounts()
  await servePublish({
    nc: accounts.actors.core.nc,
    subjects,
    authority: openAuthority({ statics: { [accounts.actors.admin.nkey]: 'admin' }, audit }),
    log: silentLog,
    overflow: async bytes => {
      stored = bytes
      return { name: '_answers.x', parts: 2, size: bytes.length, sha256: '0'.repeat(64) }
    },
    publishJob: async (request, asked) => {
      calls.push({ request, asked })
      if (request.tgt === 'thousands') return { ...PUBLISHED, jid: '20261120091820838387', minions: THOUSANDS }
      if (request.tgt === 'nobody') throw new ReactorError('no_minions', 'no minions matched')
      return { ...PUBLISHED, jid: '20261120091820838387' }
    },
    resolveJob: ({ tgt }) => ({ minions: ['m1'], missing: [String(tgt)] }),
  })
  await accounts.actors.core.nc.flush()
})
afterAll(() => accounts.stop())

const ask = async (body: string) => {
  const reply = await accounts.actors.admin.nc.request(subjects.publish, body, { timeout: 30_000 })
  return { value: reply.json<unknown>(), status: reply.headers?.get('Nats-Service-Error-Code') || undefined }
}

it('starts the job that an operator asks for, in the operator’s name', async () => {
  const { value } = await ask('{"tgt": "*", "fun": "test.ping", "user": "root"}')
  expect(value).toMatchObject({ jid: '20261120091820838387', minions: ['m1'] })
  expect(calls.items.at(-1)).toMatchObject({ request: { tgt: '*', fun: 'test.ping' }, asked: { user: 'admin' } })
  expect(calls.items.at(-1)!.asked.work).toBeUndefined()
})

it('only says which minions are meant where that is asked', async () => {
  const before = calls.items.length
  expect((await ask('{"tgt": "x", "resolve": true}')).value).toEqual({ minions: ['m1'], missing: ['x'] })
  expect(calls.items).toHaveLength(before)
})

it.each([
  ['', 'bad_argument'],
  ['[1]', 'bad_argument'],
  ['{oops', 'bad_argument'],
])('refuses the body %j, and records that it came', async (body, code) => {
  const before = records.items.length
  expect(await ask(body)).toMatchObject({ status: '400', value: { error: { code } } })
  expect(records.items.slice(before)).toEqual([
    expect.objectContaining({ kind: 'publish', user: 'admin', action: 'publish', result: 'failed', reason: code }),
  ])
})

it('says that no minion matches with status 404', async () => {
  expect(await ask('{"tgt": "nobody", "fun": "test.ping"}')).toEqual({
    status: '404',
    value: { error: { code: 'no_minions', message: 'no minions matched' } },
  })
})

it('says by reference which minions a job went to where they are more than a message names', async () => {
  const { value, status } = await ask('{"tgt": "thousands", "fun": "test.ping"}')
  expect({ value, status }).toEqual({
    value: { _payload: expect.objectContaining({ name: '_answers.x' }) },
    status: undefined,
  })
  const whole = JSON.parse(Buffer.from(stored!).toString()) as { minions: string[] }
  expect(whole.minions).toHaveLength(THOUSANDS.length)
})

it('passes on who asks, from where and what they may', async () => {
  const { guest } = accounts.actors
  const before = calls.items.length
  // The server lets `guest` in, and nobody here knows them.
  await guest.nc.request(subjects.publish, '{"tgt": "*", "fun": "test.ping"}', { timeout: 30_000 })
  const { asked } = calls.items[before]!
  expect(asked).toMatchObject({ user: guest.nkey, source: expect.stringMatching(/^OPS/) })
  expect(asked.grants!()).toEqual(NO_GRANTS)
})
