import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minionInbox, operatorInbox } from '../../src/protocol/inbox.ts'
import { minionOrigin, parseOrigin } from '../../src/protocol/origin.ts'
import { minionPermissions, operatorPermissions } from '../../src/protocol/permissions.ts'
import { ALL_GRANTS } from '../../src/protocol/role.ts'
import { createSubjects, MAX_SUBJECT, splitEventSubject } from '../../src/protocol/subject.ts'
import { tokensToTag } from '../../src/protocol/tag.ts'
import { origin, tag, text } from '../helpers/arbitrary.ts'

const subjects = createSubjects('reactor')

describe('subjects', () => {
  it('give the origin and the tag of an event back', () => {
    fc.assert(
      fc.property(origin, tag, (from, one) => {
        const split = splitEventSubject(subjects.eventPrefix, subjects.event(from, one))!
        expect(parseOrigin(split.origin)).toEqual(from)
        expect(tokensToTag(split.tag)).toBe(one)
      }),
    )
  })

  it('of one minion are never those of another, nor wider than one token', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const of = (id: string) => [subjects.job(id), subjects.ofMinion('grains', id), subjects.ofMinion('beat', id)]
        for (const subject of of(a)) {
          expect(subject.split('.')).toHaveLength(3)
          expect(subject).not.toMatch(/[*>\s]/)
          expect(of(b).includes(subject)).toBe(a === b)
          expect(subjects.minionIn(subject)).toBe(a)
        }
      }),
    )
  })

  it('keep permissions and inboxes apart', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const one = minionPermissions('reactor', a)
        const two = minionPermissions('reactor', b)
        const operator = operatorPermissions('reactor', b, ALL_GRANTS)
        const shared = (x: string[], y: string[]) => x.filter(subject => y.includes(subject))
        if (a !== b) expect(shared([...one.publish, ...one.subscribe], [...two.publish, ...two.subscribe])).toEqual([])
        expect(shared([...one.publish, ...one.subscribe], [...operator.publish, ...operator.subscribe])).toEqual([])
        expect(minionInbox(a)).not.toBe(operatorInbox(b))
        for (const subject of [...one.publish, ...one.subscribe]) expect(subject).toMatch(/^[^*>]+(\.>)?$/)
      }),
    )
    expect(minionInbox('user-admin')).not.toBe(operatorInbox('admin'))
  })

  it.each([
    ['an event', (long: string) => subjects.event(minionOrigin('m'), long)],
    ['the id of an event', (long: string) => subjects.event(minionOrigin(long), 'a')],
    ['a job', (long: string) => subjects.job(long)],
    ['a minion', (long: string) => subjects.ofMinion('grains', long)],
    ['a runner', (long: string) => subjects.runner(`a.${long}`)],
    ['a wheel', (long: string) => subjects.wheel(`a.${long}`)],
    ['a rule', (long: string) => subjects.reaction('fast', long)],
    ['a parked reaction', (long: string) => subjects.parked(long, 'r')],
    ['a worker', (long: string) => subjects.done(long)],
  ])('refuse %s of 10 KB, and take one of 500 bytes', (_what, build) => {
    expect(() => build('x'.repeat(10_240))).toThrow(`at most ${MAX_SUBJECT} are allowed`)
    expect(() => build('é'.repeat(600))).toThrow(`at most ${MAX_SUBJECT} are allowed`)
    expect(build('x'.repeat(500)).length).toBeLessThan(MAX_SUBJECT)
  })

  it.each(['', 'Reactor', 'a.b', 'a b', '*', 'x'.repeat(41)])('refuse the namespace %j', ns => {
    expect(() => createSubjects(ns)).toThrow('namespace')
  })

  it.each(['', 'ping', 'a.b.c', '.ping', 'test.'])('refuse the function name %j', fun => {
    expect(() => subjects.runner(fun)).toThrow('is no function name')
  })
})
