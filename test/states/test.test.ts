import { describe, expect, it } from 'vitest'
import { stateCaller } from './call.ts'

const CHANGES = { testing: { old: 'Unchanged', new: 'Something pretended to change' } }

describe('states of test', () => {
  const { call, test, watch } = stateCaller()
  const name = 'x'

  it('succeed and fail, with changes and without', async () => {
    expect(await call('test.succeed_without_changes', { name })).toEqual({
      result: true,
      changes: {},
      comment: 'Success!',
    })
    expect(await call('test.succeed_with_changes', { name, comment: 'so' })).toEqual({
      result: true,
      changes: CHANGES,
      comment: 'so',
    })
    expect(await call('test.fail_without_changes', { name })).toEqual({
      result: false,
      changes: {},
      comment: 'Failure!',
    })
    expect(await call('test.fail_with_changes', { name })).toEqual({
      result: false,
      changes: CHANGES,
      comment: 'Failure!',
    })
    expect(await call('test.nop', { name, whatever: [1] })).toMatchObject({ result: true, changes: {} })
    expect(await call('test.show_notification', { name, text: 'hello' })).toMatchObject({ comment: 'hello' })
  })

  it('say with test=True that they would change something', async () => {
    expect(await test('test.succeed_without_changes', { name })).toMatchObject({ result: true, changes: {} })
    for (const fun of ['test.succeed_with_changes', 'test.fail_with_changes'])
      expect(await test(fun, { name })).toMatchObject({ result: null, changes: CHANGES })
    expect(await test('test.fail_without_changes', { name })).toMatchObject({ result: false })
  })

  it('say that what they watch has changed', async () => {
    expect(await watch('test.nop', { name })).toEqual({
      result: true,
      changes: CHANGES,
      comment: 'Watch statement fired.',
    })
  })

  it('end as they are told', async () => {
    const given = { name, changes: false, result: false, comment: 'no', warnings: 'careful' }
    const ended = { result: false, changes: {}, comment: 'no', warnings: ['careful'] }
    expect(await call('test.configurable_test_state', given)).toEqual(ended)
    expect(await test('test.configurable_test_state', { ...given, allow_test_mode_failure: false })).toMatchObject({
      result: true,
    })
    expect(await test('test.configurable_test_state', { name })).toMatchObject({
      result: null,
      comment: 'This is a test',
    })
    expect((await call('test.configurable_test_state', { name, result: 'Random' })).result).toBeTypeOf('boolean')
    await expect(call('test.configurable_test_state', { name, changes: 'maybe' })).rejects.toThrow("argument 'changes'")
  })

  it('check what the pillar has', async () => {
    const value = { web: { port: 80, tls: true, hosts: ['a'] } }
    const { call } = stateCaller({ pillar: { current: () => ({ value, errors: [] }) } as never })
    const good = {
      name,
      present: 'web',
      integer: ['web:port'],
      boolean: 'web:tls',
      listing: 'web:hosts',
      dictionary: 'web',
    }
    expect(await call('test.check_pillar', good)).toMatchObject({ result: true, changes: {} })
    expect(await call('test.check_pillar', { name, present: 'db', string: ['web:port', 'web:nope'] })).toMatchObject({
      result: false,
      comment:
        'The pillar is not as it should be: db is missing (any value); web:port is not a text; web:nope is missing (a text)',
    })
  })
})
