import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grantSubject } from '../../src/protocol/grant-subject.ts'
import { operatorPermissions } from '../../src/protocol/permissions.ts'
import { ALL_GRANTS, NO_GRANTS } from '../../src/protocol/role.ts'
import { tagToTokens } from '../../src/protocol/tag.ts'
import { createGlobIndex } from '../../src/reactor/rules/glob-index.ts'

describe('a glob of tags, as subject patterns', () => {
  it.each([
    ['salt/auth', ['salt.auth']],
    ['deploy/*/done', ['deploy.*.done']],
    ['salt/**', ['salt', 'salt.>']],
    ['salt/*/**', ['salt.*.>']],
    ['**', ['>']],
    ['*', ['*']],
    ['*/**', ['*.>']],
    ['web.1/é', ['web=2E1.=C3=A9']],
    ['salt/beacon/m/load/', ['salt.beacon.m.load.=']],
    ['a > b/$x', ['a=20=3E=20b.=24x']],
  ])('%s is %j', (glob, subjects) => {
    expect(grantSubject(glob)).toEqual(subjects)
  })

  it.each([
    '',
    'a*b',
    'web*',
    '{a,b}',
    '!x',
    'x/!(a)',
    '**/x',
    'a/**/b',
    '**/**',
    'a**',
    'a?',
    '[ab]',
    'a\\*',
    '(a|b)',
    'a/***',
  ])('refuses %j, naming it and what there is', glob => {
    expect(() => grantSubject(glob)).toThrow(expect.objectContaining({ code: 'bad_config' }))
    expect(() => grantSubject(glob)).toThrow(`'${glob}' cannot be granted`)
    expect(() => grantSubject(glob)).toThrow("'deploy/*/done', 'salt/**'")
  })

  it('stand for the tags that the glob of a rule matches, and no others', () => {
    const segment = fc.constantFrom('a', 'b', 'web.1', '', '*', 'é')
    const glob = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    const tag = fc.array(fc.constantFrom('a', 'b', 'web.1', '', 'é', 'c'), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(glob, tag, ([segments, deep], tags) => {
        const text = [...segments, ...(deep ? ['**'] : [])].join('/')
        fc.pre(text !== '')
        const subject = tagToTokens(tags.join('/'))
        const said = grantSubject(text).some(pattern => matches(pattern, subject))
        expect(said, `${text} ${tags.join('/')}`).toBe(
          createGlobIndex([{ on: [text], value: 1 }]).matchSubject(subject, 0).length > 0,
        )
      }),
      { numRuns: 3000 },
    )
  })
})

/** As the server matches. */
function matches(pattern: string, subject: string): boolean {
  const [want, have] = [pattern.split('.'), subject.split('.')]
  const fits = want.every((one, at) => one === '>' || one === '*' || one === have[at])
  return want.at(-1) === '>' ? fits && have.length >= want.length : fits && have.length === want.length
}

describe('the permissions of an operator', () => {
  it('with all grants are every event, every decision, and their own origin', () => {
    const { publish, subscribe } = operatorPermissions('reactor', 'ada', ALL_GRANTS)
    expect(publish).toContain('reactor.event._user-ada.>')
    expect(subscribe).toEqual(['reactor.live.>', 'reactor.decision.>', '_INBOX__user-ada.>'])
  })

  it('without grants are the services, which ask for themselves, and their own inbox', () => {
    const { publish, subscribe } = operatorPermissions('reactor', 'ada', NO_GRANTS)
    expect(publish).toEqual(['reactor.publish', 'reactor.runner.>', 'reactor.wheel.>', 'reactor.history.>', '$SRV.>'])
    expect(subscribe).toEqual(['_INBOX__user-ada.>'])
  })

  it('refuse a role that names what no subject says', () => {
    expect(() => operatorPermissions('reactor', 'ada', { ...NO_GRANTS, read: ['salt/**', 'web*'] })).toThrow(/'web\*'/)
    expect(() => operatorPermissions('reactor', 'ada', { ...NO_GRANTS, fire: ['!x'] })).toThrow(/'!x'/)
  })
})
