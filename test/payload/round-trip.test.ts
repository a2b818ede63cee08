import { headers as createHeaders, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { provisionStreams } from '../../src/bus/provision.ts'
import { parseJson, requestJson } from '../../src/bus/request.ts'
import { serve } from '../../src/bus/serve.ts'
import { fetchWhole, fetchWholeJob, fetchWholeOrSay } from '../../src/payload/fetch.ts'
import { createOverflow } from '../../src/payload/overflow.ts'
import { readPart, serveUploads } from '../../src/payload/serve.ts'
import { openPayloadStore, type PayloadStore } from '../../src/payload/store.ts'
import { createPayloadSender } from '../../src/payload/upload.ts'
import type { PayloadRef } from '../../src/protocol/job.ts'
import type { UploadAnswer } from '../../src/protocol/payload.ts'
import { DEFAULT_LIMITS } from '../../src/protocol/streams.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { type Accounts, startAccounts } from '../helpers/accounts.ts'

const JID = '20261121093000123456'
const MiB = 1024 * 1024
// As `startAccounts` has it.
const NS = 'reactor'
const subjects = createSubjects(NS)

let accounts: Accounts
let store: PayloadStore
/** What the next parts that are uploaded meet. */
const failures: Error[] = []
const failing = {
  async put(...part: Parameters<PayloadStore['put']>) {
    const failure = failures.shift()
    if (failure) throw failure
    await store.put(...part)
  },
}
beforeAll(async () => {
  accounts = await startAccounts()
  await provisionStreams(accounts.actors.core.nc, NS, DEFAULT_LIMITS)
  store = await openPayloadStore(accounts.actors.core.nc, NS, { keepMs: 3_600_000, maxBytes: 64 * MiB, replicas: 1 })
})
afterAll(() => accounts.stop())

async function open() {
  const { core, m1, m2, admin } = accounts.actors
  const uploads = serveUploads(core.nc, subjects, failing, silentLog)
  const large = { text: 'x'.repeat(3 * MiB) }
  const served = await serve(core.nc, {
    ...{ name: 'history', description: 'test', queue: 'q', log: silentLog },
    overflow: createOverflow(store),
    endpoints: [
      {
        name: 'payload',
        subject: subjects.historyPayload,
        handle: request => readPart(store, parseJson(request.string())),
      },
      { name: 'large', subject: `${NS}.runner.test.large`, handle: async () => large },
    ],
  })
  onTestFinished(() => uploads.stop())
  onTestFinished(() => served.stop())
  await core.nc.flush()
  const minion = (actor: { nc: NatsConnection }) => ({ nc: actor.nc, subjects })
  return { m1: minion(m1), m2: minion(m2), admin: minion(admin), large }
}
const lines = Array.from({ length: 60_000 }, (_, n) => `line ${n} of a log that is read as a whole, ü`)

const senderOf = (nc: NatsConnection, id: string) =>
  createPayloadSender({ nc, subjects, id, connected: () => true, log: silentLog })

/** As a minion sends it up. */
async function uploadPayload({ nc }: { nc: NatsConnection }, id: string, name: string, json: string) {
  const sent = await senderOf(nc, id)(name, json)
  if (!sent.ok) throw new Error(sent.reason)
  return sent.payload
}

/** A return that says where its value lies. */
const returned = (payload: PayloadRef, id = 'm1') => ({
  ...{ id, jid: JID, fun: 'cmd.run', fun_args: [], return: null as unknown, retcode: 0, success: true },
  ...{ cmd: '_return' as const, payload },
})

describe('a return of several MiB', () => {
  it('goes up from a minion in FLEET and is read whole by an operator in OPS', async () => {
    const { m1, admin } = await open()
    const json = JSON.stringify(lines)
    const ref = await uploadPayload(m1, 'm1', JID, json)
    expect(ref).toMatchObject({ name: JID, parts: 3, size: Buffer.byteLength(json) })
    const whole = await fetchWhole(admin, returned(ref))
    expect(whole.return).toEqual(lines)
    expect(whole).not.toHaveProperty('payload')
  })

  it('may be sent again after an answer that was lost', async () => {
    const { m1, admin } = await open()
    const json = JSON.stringify(lines)
    const first = await uploadPayload(m1, 'm1', 'again', json)
    expect(await uploadPayload(m1, 'm1', 'again', json)).toEqual(first)
    expect((await fetchWhole(admin, returned(first))).return).toEqual(lines)
  })

  it('is stored with seven others that end at the same time', async () => {
    const { m1, admin } = await open()
    const send = senderOf(m1.nc, 'm1')
    const values = Array.from({ length: 8 }, (_, n) => `${n},`.repeat(1.5 * MiB))
    const sent = await Promise.all(values.map((value, n) => send(`together-${n}`, JSON.stringify(value))))
    for (const [n, one] of sent.entries()) {
      if (!one.ok) throw new Error(one.reason)
      expect((await fetchWhole(admin, returned(one.payload))).return === values[n]).toBe(true)
    }
  })

  it('is not lost where the store is away for a while', async () => {
    const { m1, admin } = await open()
    failures.push(
      new ReactorError('unreachable', 'part 0 cannot be stored: no leader'),
      new Error('what nobody expects'),
    )
    const ref = await uploadPayload(m1, 'm1', 'delayed', '"in the end"')
    expect(failures).toEqual([])
    expect((await fetchWhole(admin, returned(ref))).return).toBe('in the end')
  })

  it('of another minion under the same name is another', async () => {
    const { m1, m2, admin } = await open()
    const one = await uploadPayload(m1, 'm1', 'same', '"of m1"')
    const two = await uploadPayload(m2, 'm2', 'same', '"of m2"')
    expect((await fetchWhole(admin, returned(one, 'm1'))).return).toBe('of m1')
    expect((await fetchWhole(admin, returned(two, 'm2'))).return).toBe('of m2')
    // A ref of m2 that m1 shows as its own leads to what m1 has stored.
    await expect(fetchWhole(admin, returned(two, 'm1'))).rejects.toMatchObject({ code: 'damaged_payload' })
  })

  it('cannot be sent in the name of another, nor read by a minion', async () => {
    const { m1 } = accounts.actors
    expect(await m1.refusedPublish(subjects.ofMinion('payload', 'm2'))).toBe(true)
    expect(await m1.refusedPublish(subjects.historyPayload)).toBe(true)
    expect(await m1.refusedPublish(subjects.ofMinion('payload', 'm1'))).toBe(false)
  })

  // Parts are asked for together: of several that are missing any may be the first to be told.
  it.each<[string, (ref: PayloadRef) => PayloadRef, string, RegExp]>([
    ['has lost a part', ref => ({ ...ref, parts: 4 }), 'not_found', /part 3 of payload 'm1\.lost' is not stored/],
    [
      'was never there',
      ref => ({ ...ref, name: 'never' }),
      'not_found',
      /part \d of payload 'm1\.never' is not stored/,
    ],
    ['is another than its hash says', ref => ({ ...ref, sha256: '0'.repeat(64) }), 'damaged_payload', /whose hash/],
    ['is larger than its ref says', ref => ({ ...ref, size: 7 }), 'damaged_payload', /more than the 7 bytes/],
    ["names another's", ref => ({ ...ref, name: 'm2.lost' }), 'damaged_payload', /'name' must be/],
  ])('that %s is an error that says so, and in a whole job a failed return', async (_what, change, code, message) => {
    const { m1, admin } = await open()
    const ref = change(await uploadPayload(m1, 'm1', 'lost', JSON.stringify(lines)))
    await expect(fetchWhole(admin, returned(ref))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    const { id: _id, jid: _jid, fun: _fun, fun_args: _args, cmd: _cmd, ...cached } = { ...returned(ref), at: 5 }
    const job = { returns: { m1: cached, m2: { return: 1, retcode: 0, success: true, at: 6 } } }
    const whole = await fetchWholeJob(admin, job as unknown as Parameters<typeof fetchWholeJob>[1])
    const failed = {
      ...{ retcode: 1, success: false },
      return: expect.stringMatching(/^The return of \d+ bytes could not be fetched: /),
    }
    expect(whole.returns.m1).toEqual({ ...failed, at: 5 })
    expect(await fetchWholeOrSay(admin, returned(ref))).toMatchObject(failed)
    expect((await fetchWholeOrSay(admin, { ...returned(ref), retcode: 3 })).retcode).toBe(3)
    expect(whole.returns.m2).toEqual(job.returns.m2)
  })

  it('is left out with a note where it is more than the reader takes', async () => {
    const { m1, m2, admin } = await open()
    const json = JSON.stringify('x'.repeat(2 * MiB))
    const refs = { m1: await uploadPayload(m1, 'm1', 'much', json), m2: await uploadPayload(m2, 'm2', 'much', json) }
    const note = { _left_out: expect.stringMatching(/^2097154 bytes: .* gets \d+ bytes/) }
    expect(await fetchWholeOrSay(admin, returned(refs.m1), MiB)).toMatchObject({ return: note, success: true })
    expect((await fetchWholeOrSay(admin, returned(refs.m1), 3 * MiB)).return).toBe('x'.repeat(2 * MiB))
    const cached = (payload: PayloadRef) => ({ return: null, retcode: 0, success: true, at: 5, payload })
    const job = { returns: { m1: cached(refs.m1), m2: cached(refs.m2) } }
    const whole = await fetchWholeJob(admin, job as unknown as Parameters<typeof fetchWholeJob>[1], 3 * MiB)
    expect(whole.returns.m1?.return).toBe('x'.repeat(2 * MiB))
    expect(whole.returns.m2).toEqual({ return: note, retcode: 0, success: true, at: 5 })
  })

  it('whose part was changed afterwards is refused', async () => {
    const { m1, admin } = await open()
    const ref = await uploadPayload(m1, 'm1', 'changed', JSON.stringify(lines))
    await store.put('m1.changed', 1, Buffer.from('something else'))
    await expect(fetchWhole(admin, returned(ref))).rejects.toMatchObject({ code: 'damaged_payload' })
  })
})

describe('<ns>.payload.<minion>', () => {
  it('takes a few parts of a minion at once and refuses the others for now, which wait for nobody', async () => {
    const { m1, m2, admin } = await open()
    const upload = async (n: number) => {
      const headers = createHeaders()
      headers.set('Reactor-Payload', `flood/${n}`)
      const part = Buffer.alloc(900_000, `${n},`)
      const reply = await m1.nc.request(subjects.ofMinion('payload', 'm1'), part, { headers, timeout: 30_000 })
      return reply.json<UploadAnswer>()
    }
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => upload(n)))
    const refused = answers.filter(({ ok }) => !ok)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]).toEqual({
      ok: false,
      reason: expect.stringMatching(/^4 parts of this minion are being stored: send them one after another/),
      again: true,
    })
    expect(answers.some(({ ok }) => ok)).toBe(true)
    expect(await upload(40)).toEqual({ ok: true })
    const ref = await uploadPayload(m2, 'm2', 'after', '"the flood"')
    expect((await fetchWhole(admin, returned(ref, 'm2'))).return).toBe('the flood')
  })

  it('tells the minion why a return that is larger than all of the store is refused', async () => {
    const { m1 } = await open()
    const json = JSON.stringify('x'.repeat(70 * MiB))
    await expect(uploadPayload(m1, 'm1', 'huge', json)).rejects.toThrow(
      /payload 'm1\.huge' cannot be stored: .*cache\.max_payload_bytes: 67108864/,
    )
  })

  it.each<[string, string | undefined, string, RegExp]>([
    ['no header', undefined, 'x', /the header Reactor-Payload must be <name>\/<part>, got ""/],
    ["another's name", 'm2.x/0', 'x', /must be <name>\/<part>, got "m2\.x\/0"/],
    ['no part', 'x', 'x', /must be <name>\/<part>/],
    ['an empty part', 'x/0', '', /the part is empty/],
  ])('refuses %s', async (_what, header, body, reason) => {
    const { m1 } = await open()
    const headers = createHeaders()
    if (header !== undefined) headers.set('Reactor-Payload', header)
    const reply = await m1.nc.request(subjects.ofMinion('payload', 'm1'), body, { timeout: 30_000, headers })
    expect(reply.json()).toEqual({ ok: false, reason: expect.stringMatching(reason) })
  })
})

describe('<ns>.history.payload', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['an unknown name', { name: 'm1.nothing', part: 0 }, 'not_found', /part 0 of payload 'm1\.nothing' is not stored/],
    ['a name that is none', { name: '../../x', part: 0 }, 'bad_argument', /'name' must be/],
    ['no name', { part: 0 }, 'bad_argument', /'name' must be .* got null/],
    ['a part that is none', { name: 'm1.x', part: -1 }, 'bad_argument', /'part' must be a whole number/],
    ['an unknown key', { name: 'm1.x', part: 0, all: true }, 'bad_argument', /must be a map \{name, part\}/],
    ['a list', [], 'bad_argument', /must be a map/],
  ])('refuses %s', async (_what, body, code, message) => {
    const { admin } = await open()
    await expect(
      requestJson(admin.nc, subjects.historyPayload, body, { timeoutMs: 5000, what: 'test' }),
    ).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('an answer larger than a message', () => {
  it('reaches an operator whole', async () => {
    const { admin, large } = await open()
    const answer = await requestJson(admin.nc, `${NS}.runner.test.large`, {}, { timeoutMs: 5000, what: 'test' })
    expect(answer).toEqual(large)
  })

  it('tells a client that does not follow it where it is', async () => {
    const { admin, large } = await open()
    const reply = await admin.nc.request(`${NS}.runner.test.large`, '', { timeout: 30_000 })
    const { _payload: ref } = reply.json<{ _payload: PayloadRef }>()
    expect(JSON.parse(reply.headers!.get('Reactor-Payload'))).toEqual(ref)
    const parts: Uint8Array[] = []
    for (let part = 0; part < ref.parts; part++) {
      const body = JSON.stringify({ name: ref.name, part })
      parts.push((await admin.nc.request(subjects.historyPayload, body, { timeout: 30_000 })).data)
    }
    expect(JSON.parse(Buffer.concat(parts).toString())).toEqual(large)
  })
})
