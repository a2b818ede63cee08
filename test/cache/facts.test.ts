import { describe, expect, it } from 'vitest'
import { createFactReader, createJobSubject, type ReadFact } from '../../src/cache/facts.ts'

const PREFIX = 'ns.event.'
const JID = '20261121093000123456'
const isOfJob = createJobSubject(PREFIX)
const readFact = createFactReader(PREFIX, { jobTimeoutMs: 300_000, runTimeoutMs: 86_400_000 })

function read(subject: string, data: unknown, options: { text?: string; cause?: string } = {}): ReadFact {
  return readFact({
    subject: PREFIX + subject,
    text: () => options.text ?? JSON.stringify({ data }),
    header: name => (name === 'Reactor-Cause' ? options.cause : undefined),
    storedMs: 1000.25,
    seq: 7,
  })
}
const RETURN = { jid: JID, id: 'm1', fun: 'test.ping', return: true, retcode: 0, success: true, cmd: '_return' }
const REF = { name: JID, parts: 2, size: 2_000_000, sha256: 'a'.repeat(64) }

describe('the subjects of facts', () => {
  it.each([
    '_jobs.salt.job.1.new',
    '_jobs.salt.job.1.sent',
    'm1.salt.job.1.ret.m1',
    'm1.salt.job.1.prog.m1.start',
    '_jobs.salt.run.1.new',
    '_master.salt.wheel.1.ret',
  ])('%s is one', subject => {
    expect(isOfJob(PREFIX + subject)).toBe(true)
  })

  it.each([
    'm1.salt.job.1.ret',
    'm1.salt.job.1.ret.m1.more',
    'm1.salt.job.1.prog.m1.2',
    'm1.salt.beacon.m1.load',
    'm1.my.salt.job.1.new',
    'm1.saltjob.1.new',
    '_jobs.salt.job.1.new.x',
    '_jobs.salt.run.1.ret.x',
    'm1',
  ])('%s is none', subject => {
    expect(isOfJob(PREFIX + subject)).toBe(false)
  })
})

describe('the announcement of a job', () => {
  const NEW = {
    ...{ jid: JID, tgt: 'm*', tgt_type: 'glob', fun: 'test.ping', arg: [1], minions: ['m1', 'm2'], missing: ['m9'] },
    ...{ user: 'root', deadline: 5000, run_until: 9000, metadata: { why: 'x' } },
  }

  it('is read with all its fields and its cause', () => {
    const { jid, ...rest } = NEW
    expect(read(`_jobs.salt.job.${JID}.new`, NEW, { cause: 'e1' })).toEqual({
      ok: true,
      fact: { what: 'new', jid, at: 1000.25, kind: 'local', cause: 'e1', ...rest },
    })
  })

  it('is read with its returners, and never with what their settings held', () => {
    const returning = { ret: 'mysql,redis', ret_config: 'other', ret_kwargs: { pass: 'hunter2' } }
    expect(read(`_jobs.salt.job.${JID}.new`, { ...NEW, ...returning })).toMatchObject({
      fact: { ...returning, ret_kwargs: { pass: '[redacted]' } },
    })
    const none = read(`_jobs.salt.job.${JID}.new`, { ...NEW, ret: 4, ret_config: 'other' })
    expect(Object.keys((none as { fact: object }).fact).filter(key => key.startsWith('ret'))).toEqual([])
  })

  it('without times has those of the config, from when it was stored', () => {
    const { deadline: _d, run_until: _r, ...bare } = NEW
    expect(read(`_jobs.salt.job.${JID}.new`, bare)).toMatchObject({
      fact: { deadline: 301_000.25, run_until: 86_701_000.25 },
    })
  })

  it.each([
    ['run', '_jobs', 'runner'],
    ['wheel', '_master', 'wheel'],
  ])('of salt/%s is for %s alone', (branch, runs, kind) => {
    const data = { fun: `${kind}.test.arg`, jid: JID, user: 'root', fun_args: [1, { __kwarg__: true, a: 2 }] }
    expect(read(`_jobs.salt.${branch}.${JID}.new`, data)).toMatchObject({
      ok: true,
      fact: {
        ...{ what: 'new', kind, fun: `${kind}.test.arg`, minions: [runs], tgt: runs, tgt_type: 'list', missing: [] },
        arg: [1, { __kwarg__: true, a: 2 }],
      },
    })
    expect(read(`_jobs.salt.${branch}.${JID}.ret`, { ...data, return: 'x', success: false })).toMatchObject({
      ok: true,
      fact: { what: 'return', id: runs, return: 'x', success: false, retcode: 1 },
    })
  })

  it('says how the sending went', () => {
    const sent = { jid: JID, offline: ['m1'], refused: { m2: 'busy' }, waiting: ['m3'] }
    const { jid: _jid, ...rest } = sent
    expect(read(`_jobs.salt.job.${JID}.sent`, sent)).toMatchObject({ ok: true, fact: { what: 'sent', sent: rest } })
  })
})

describe('a return', () => {
  it('is read as the minion gave it', () => {
    expect(read(`m1.salt.job.${JID}.ret.m1`, RETURN)).toEqual({
      ok: true,
      fact: {
        ...{ what: 'return', jid: JID, at: 1000.25, id: 'm1', fun: 'test.ping', args: [] },
        ...{ return: true, retcode: 0, success: true },
      },
    })
  })

  it('keeps the id of the subject, whatever its data says', () => {
    expect(read(`web=2E1.salt.job.${JID}.ret.web=2E1`, { ...RETURN, id: 'other' })).toMatchObject({
      fact: { id: 'web.1' },
    })
  })

  it('has a short name of its function, and of its arguments those that a list can show', () => {
    const data = { ...RETURN, fun: 'x'.repeat(900_000), fun_args: ['y'.repeat(900_000)] }
    expect(read(`m1.salt.job.${JID}.ret.m1`, data)).toMatchObject({
      fact: { fun: `${'x'.repeat(249)}…`, args: [{ _left_out: 'arguments of 900004 characters' }] },
    })
    const announced = { jid: JID, tgt: '*', fun: 'x'.repeat(900_000), arg: ['y'.repeat(900_000)] }
    expect(read(`_jobs.salt.job.${JID}.new`, announced)).toMatchObject({
      // What an operator asked for is kept: it can be asked for again.
      fact: { fun: `${'x'.repeat(249)}…`, arg: announced.arg },
    })
  })

  it('is told of without the secrets in its arguments, should the minion have left them in', () => {
    const data = { ...RETURN, fun_args: ['x', { __kwarg__: true, auth: { user: 'a', pass: 'b' }, password: 'b' }] }
    expect(read(`m1.salt.job.${JID}.ret.m1`, data)).toMatchObject({
      fact: { args: ['x', { __kwarg__: true, auth: '[redacted]', password: '[redacted]' }] },
    })
  })

  it("of a minion's own schedule says of which entry, with its metadata", () => {
    const data = { ...RETURN, schedule: 'job3', metadata: { team: 'ops', password: 'p' }, pid: 7 }
    expect(read(`m1.salt.job.${JID}.ret.m1`, data)).toMatchObject({
      ok: true,
      fact: { schedule: 'job3', metadata: { team: 'ops', password: '[redacted]' } },
    })
    const large = { ...data, metadata: { text: 'x'.repeat(100_000) } }
    expect(read(`m1.salt.job.${JID}.ret.m1`, large)).not.toHaveProperty('fact.metadata')
    expect(read(`m1.salt.job.${JID}.ret.m1`, { ...RETURN, metadata: { a: 1 } })).not.toHaveProperty('fact.metadata')
  })

  it("is no fact where a minion's own schedule says that it is not to be kept", () => {
    const data = { ...RETURN, schedule: 'job3', nocache: true }
    expect(read(`m1.salt.job.${JID}.ret.m1`, data)).toEqual({ ok: true, fact: undefined })
    expect(read(`m1.salt.job.${JID}.ret.m1`, { ...RETURN, nocache: true })).toMatchObject({ fact: { return: true } })
  })

  it('may be null, which is not the same as none', () => {
    expect(read(`m1.salt.job.${JID}.ret.m1`, { ...RETURN, return: null })).toMatchObject({
      fact: { return: null, success: true },
    })
  })

  it('that lies in the store of large values keeps its ref', () => {
    const { return: _return, ...rest } = RETURN
    expect(read(`m1.salt.job.${JID}.ret.m1`, { ...rest, payload: REF })).toMatchObject({
      fact: { return: null, payload: REF, success: true },
    })
  })

  it.each<[string, unknown, RegExp]>([
    ['without its return', { ...RETURN, return: undefined }, /it has no 'return'/],
    ['of another jid', { ...RETURN, jid: '20261121093000999999' }, /it says jid "20261121093000999999", and its tag/],
    ['without a jid', { ...RETURN, jid: undefined }, /it says jid nothing/],
    ['with a retcode that is none', { ...RETURN, retcode: 'x' }, /'retcode' must be a whole number, got "x"/],
    ['with a success that is none', { ...RETURN, success: 'yes' }, /'success' must be true or false/],
    ['with an outcome that is none', { ...RETURN, outcome: 'won' }, /'outcome' must be 'died' or 'timed_out'/],
    ["with the name of another's payload", { ...RETURN, payload: { ...REF, name: 'm2.1' } }, /'name' must be 1 to 64/],
    ['with a payload of no parts', { ...RETURN, payload: { ...REF, parts: 0 } }, /'parts' must be a whole number/],
    ['with a payload of no size', { ...RETURN, payload: { ...REF, size: -1 } }, /'size' must be bytes/],
    ['with a payload without its hash', { ...RETURN, payload: { ...REF, sha256: 'x' } }, /'sha256' must be 64 hex/],
    ['with a payload that is no map', { ...RETURN, payload: 'x' }, /'payload' must be a map/],
    ['whose data is a list', [1], /data of event .* is no map/],
  ])('%s becomes a failed return that says so', (_what, data, wrong) => {
    expect(read(`m1.salt.job.${JID}.ret.m1`, data)).toMatchObject({
      ok: true,
      fact: {
        ...{ what: 'return', id: 'm1', jid: JID, success: false, retcode: 1 },
        return: expect.stringMatching(new RegExp(`^The return of m1 cannot be read: .*${wrong.source}`)),
      },
    })
  })

  it.each([
    ['no JSON', '{"data": nonsense'],
    ['no map', '[]'],
    ['nested too deep', `{"data":{"return":${'['.repeat(2000)}${']'.repeat(2000)}}}`],
  ])('whose body is %s becomes a failed return too', (_what, text) => {
    expect(read(`m1.salt.job.${JID}.ret.m1`, undefined, { text })).toMatchObject({
      fact: { id: 'm1', success: false, return: expect.stringMatching(/^The return of m1 cannot be read: /) },
    })
  })
})

describe('what is not believed', () => {
  it.each([
    ["a minion's return in another's name", `m1.salt.job.${JID}.ret.m2`, /only the minion itself/],
    ["a minion's start in another's name", `m1.salt.job.${JID}.prog.m2.start`, /only the minion itself/],
    ["an operator's return for a minion", `_user-root.salt.job.${JID}.ret.m1`, /only the minion itself/],
    ["a service's return for a minion", `_jobs.salt.job.${JID}.ret.m1`, /only the minion itself/],
    ["a minion's announcement", `m1.salt.job.${JID}.new`, /only services/],
    ["a minion's word of the sending", `m1.salt.job.${JID}.sent`, /only services/],
    ["an operator's announcement", `_user-root.salt.job.${JID}.new`, /only services/],
    ["an operator's runner return", `_user-root.salt.run.${JID}.ret`, /only services/],
    ["a minion's wheel return", `m1.salt.wheel.${JID}.ret`, /only services/],
    ['a jid that is none', 'm1.salt.job.12.ret.m1', /20 digits/],
    ['a jid that is no time', 'm1.salt.job.99999999999999999999.ret.m1', /20 digits that begin with a time/],
    ['an origin that is none', `_nobody.salt.job.${JID}.new`, /no origin/],
    ['an announcement under another jid', '_jobs.salt.job.20261121093000999999.new', /of the jid/],
    ['an id with a NUL', `m=00.salt.job.${JID}.ret.m=00`, /NUL/],
  ])('%s is refused, and why', (_what, subject, problem) => {
    expect(read(subject, RETURN)).toEqual({ ok: false, problem: expect.stringMatching(problem) })
  })

  it('an announcement that is no JSON is refused', () => {
    expect(read(`_jobs.salt.job.${JID}.new`, undefined, { text: '{' })).toMatchObject({ ok: false })
  })
})
