import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBelieved } from '../../src/protocol/belief.ts'
import { minionOrigin, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'

describe('belief', () => {
  it.each([
    [true, 'm1', 'salt/job/20261120091820838387/ret/m1'],
    [true, 'm1', 'salt/job/20261120091820838387/prog/m1/3'],
    [true, 'm1', 'salt/minion/m1/start'],
    [true, 'm1', 'salt/state_result/20261120091820838387/m1/web/is/up'],
    [false, 'm1', 'salt/state_result/20261120091820838387/m2/web/is/up'],
    [false, 'm1', 'salt/state_result/20261120091820838387/m1'],
    [true, 'm1', 'salt/beacon/m1/load/'],
    [true, 'm1', 'deploy/done'],
    [true, 'm1', 'saltstack/x'],
    [true, 'a.b', 'salt/beacon/a.b/load'],
    [false, 'm1', 'salt'],
    [false, 'm1', 'salt/'],
    [false, 'm1', 'salt/key'],
    [false, 'm1', 'salt/auth'],
    [false, 'm1', 'salt/job/20261120091820838387/ret/m2'],
    [false, 'm1', 'salt/job/20261120091820838387/new'],
    [false, 'm1', 'salt/job/20261120091820838387/new/m1'],
    [true, 'm1', 'salt/job/20261120091820838387/prog/m1/start'],
    [false, 'm1', 'salt/job/20261120091820838387/prog/m2/start'],
    [false, 'm1', 'salt/job/20261120091820838387/sent'],
    [false, 'm1', 'salt/job/20261120091820838387/sent/m1'],
    [false, 'm1', 'salt/run/20261120091820838387/new'],
    [false, 'm1', 'salt/run/20261120091820838387/progress'],
    [false, 'm1', 'salt/run/20261120091820838387/ret'],
    [false, 'm1', 'salt/wheel/20261120091820838387/ret'],
    [false, 'm1', 'salt/minion/m2/start'],
    [false, 'm1', 'salt/minion/m1'],
    [false, 'm1', 'salt/beacon/m10/load'],
    [false, 'm1', 'salt/presence/change'],
    [false, 'm1', 'salt/x/minion/m1/start'],
    [false, 'm1/x', 'salt/minion/m1/x/start'],
    [false, 'x/ret/m2', 'salt/job/x/ret/m2'],
  ])('is %s of %s on %s', (believed, id, tag) => {
    expect(isBelieved(minionOrigin(id), tag)).toBe(believed)
  })

  it('is given to services and operators on everything', () => {
    for (const origin of [serviceOrigin('_master'), userOrigin('root')]) {
      expect(isBelieved(origin, 'salt/key')).toBe(true)
      expect(isBelieved(origin, 'salt/minion/m1/start')).toBe(true)
    }
  })

  it.each([
    [false, 'salt/audit/login'],
    [false, 'salt/audit/x/y'],
    [false, 'salt/audit'],
    [true, 'salt/auditor/x'],
    [true, 'my/salt/audit/login'],
    // To try a rule; the right to fire it is a role's.
    [true, 'salt/auth'],
    [true, 'salt/key'],
    [true, 'salt/beacon/m1/load/'],
  ])('is %s of an operator on %s', (believed, tag) => {
    expect(isBelieved(userOrigin('root'), tag)).toBe(believed)
    expect(isBelieved(serviceOrigin('_jobs'), tag)).toBe(true)
    expect(isBelieved(minionOrigin('m1'), 'salt/audit/login')).toBe(false)
  })

  it('is never given to a minion where the tag, read as Salt reads it, names another', () => {
    const id = fc.constantFrom('m1', 'm2', 'm', 'a/b', 'm1/ret', '', 'job', 'ret', '_master', '=5Fmaster')
    const word = fc.oneof(id, fc.constantFrom('job', 'ret', 'prog', 'minion', 'beacon', 'start', 'new', 'key', '*', ''))
    const names = [/^salt\/minion\/([^/]*)\/./, /^salt\/beacon\/([^/]*)\//, /^salt\/job\/[^/]*\/(?:ret|prog)\/([^/]*)/]
    fc.assert(
      fc.property(id, fc.array(word, { maxLength: 6 }), (own, words) => {
        const tag = ['salt', ...words].join('/')
        if (!isBelieved(minionOrigin(own), tag)) return
        const named = names.map(name => name.exec(`${tag}/`)?.[1]).find(one => one !== undefined)
        expect(named).toBe(own)
      }),
      { numRuns: 5000 },
    )
  })
})
