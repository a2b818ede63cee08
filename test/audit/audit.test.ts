import { describe, expect, it } from 'vitest'
import { type AuditRecord, createAudit, failureOf, shownTarget } from '../../src/audit/audit.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import type { FireOptions } from '../../src/bus/fire.ts'
import { keptLog } from '../helpers/core.ts'

const RECORD: AuditRecord = { user: 'ann', source: 'OPS', action: 'test.ping', result: 'ok' }

describe('an audit record', () => {
  it('is an event of its kind, caused by what it is about, one hop on', () => {
    const fired: [string, object, FireOptions | undefined][] = []
    const audit = createAudit(async (tag, data, options) => {
      fired.push([tag, data, options])
      return { id: '1', seq: 1 }
    }, silentLog)
    audit('publish', { ...RECORD, jid: '1' }, { cause: 'event-1', hops: 3 })
    audit('wheel', RECORD)
    expect(fired).toEqual([
      ['salt/audit/publish', { ...RECORD, jid: '1' }, { cause: 'event-1', hops: 4 }],
      ['salt/audit/wheel', RECORD, { cause: undefined, hops: 1 }],
    ])
  })

  it('of what rules and schedules did is one event for all that have the same causes', async () => {
    const fired: [string, Record<string, unknown>, FireOptions | undefined][] = []
    const audit = createAudit(async (tag, data, options) => {
      fired.push([tag, data, options])
      return { id: '1', seq: 1 }
    }, silentLog)
    const ofRule = { ...RECORD, user: 'rule:a', source: 'CORE' }
    const ofSchedule = { ...RECORD, user: 'schedule:b', source: 'CORE' }
    audit('runner', ofRule, { cause: 'event-1', hops: 3, chain: 'a,b' })
    audit('publish', ofSchedule, { cause: 'slot-1' })
    audit('wheel', ofRule, { cause: 'event-2', hops: 3, chain: 'a,b' })
    audit('wheel', ofRule, { cause: 'event-3', hops: 63, chain: 'a,b' })
    expect(fired).toEqual([])
    await new Promise(resolve => setImmediate(resolve))
    const both = [
      { kind: 'runner', ...ofRule, cause: 'event-1' },
      { kind: 'wheel', ...ofRule, cause: 'event-2' },
    ]
    expect(fired).toEqual([
      ['salt/audit/rules', { records: both }, { hops: 4, chain: 'a,b' }],
      ['salt/audit/rules', { records: [{ kind: 'publish', ...ofSchedule, cause: 'slot-1' }] }, { hops: 1 }],
      ['salt/audit/rules', { records: [{ kind: 'wheel', ...ofRule, cause: 'event-3' }] }, { hops: 64, chain: 'a,b' }],
    ])
  })

  it('of what rules did does not grow without end', async () => {
    const sizes: number[] = []
    const audit = createAudit(async (_tag, data) => {
      sizes.push((data.records as unknown[]).length)
      return { id: '1', seq: 1 }
    }, silentLog)
    for (let n = 0; n < 1001; n++) audit('runner', { ...RECORD, user: 'rule:a' }, { hops: 1, chain: 'a' })
    await new Promise(resolve => setImmediate(resolve))
    expect(sizes).toEqual([500, 500, 1])
  })

  it('that cannot be stored is in the log, and nobody else is troubled', async () => {
    const { log, lines } = keptLog()
    const audit = createAudit(async () => Promise.reject(new ReactorError('store_refused', 'it is full')), log)
    audit('publish', RECORD)
    const line = await lines.find(({ msg }) => msg.includes('audit record'), 'the log')
    expect(line).toMatchObject({ ...RECORD, tag: 'salt/audit/publish', error: 'it is full' })
  })
})

it('how something ended is a refusal with its reason, or a failure with its code alone', () => {
  expect(failureOf(new ReactorError('forbidden', 'not you'))).toEqual({ result: 'refused', reason: 'not you' })
  expect(failureOf(new ReactorError('bad_argument', 'got "hunter2"'))).toEqual({
    result: 'failed',
    reason: 'bad_argument',
  })
  expect(failureOf(new TypeError('hunter2 is no function'))).toEqual({ result: 'failed', reason: 'internal' })
})

it.each<[unknown, string | string[]]>([
  ['web*', 'web*'],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  ['x'.repeat(1001), `${'x'.repeat(1000)}…`],
  [undefined, ''],
  [{ a: 1 }, '{"a":1}'],
  [
    [1, null],
    ['1', 'null'],
  ],
])('a target %# is shown with its beginning', (tgt, shown) => {
  expect(shownTarget(tgt)).toEqual(shown)
})
