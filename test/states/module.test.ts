import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import { stateCaller } from './call.ts'

const functions = await loadFunctions('execution')

describe('states of module', () => {
  const overrides = { docs: () => functions.docs(), pillar: { hide: (value: unknown) => value } as never }
  const { call, test, watch } = stateCaller(overrides)

  it('call functions in order, with positional and named arguments', async () => {
    const given = { name: 'x', 'test.ping': [], 'cmd.run': ['echo one', { python_shell: true }], 'test.version': null }
    const { result, changes, comment } = await call('module.run', given)
    expect(result).toBe(true)
    expect(changes).toMatchObject({ 'test.ping': true, 'cmd.run': 'one' })
    expect(Object.keys(changes)).toEqual(['test.ping', 'cmd.run', 'test.version'])
    expect(comment).toContain('test.ping: true, cmd.run: "one"')
  })

  it("read Salt's older form", async () => {
    expect(await call('module.run', { name: 'test.echo', text: 'hello' })).toMatchObject({
      changes: { 'test.echo': 'hello' },
    })
    expect(await call('module.run', { name: 'test.echo', args: ['hello'] })).toMatchObject({ result: true })
  })

  it('fail with what a function failed with, the others called all the same', async () => {
    const given = { name: 'x', 'test.fail': ['on fire'], 'test.ping': [] }
    expect(await call('module.run', given)).toEqual({
      result: false,
      changes: { 'test.ping': true },
      comment: "'test.fail' failed: on fire, test.ping: true",
    })
    expect(await call('module.run', { name: 'x', 'cmd.run_all': ['false', { python_shell: true }] })).toMatchObject({
      result: false,
      comment: "'cmd.run_all' failed: its return code is 1",
    })
    const none = await call('module.run', { name: 'x', 'test.pong': [], 'test.ping': [] })
    expect(none).toEqual({
      result: false,
      changes: {},
      comment: "Unavailable function: test.pong. Did you mean 'test.ping'?",
    })
  })

  it('call nothing with test=True, and wait for what they watch', async () => {
    const given = { name: 'x', 'test.ping': [] }
    expect(await test('module.run', given)).toEqual({
      result: null,
      changes: {},
      comment: 'Function test.ping to be executed',
    })
    expect(await call('module.wait', given)).toEqual({ result: true, changes: {}, comment: '' })
    expect(await watch('module.wait', given)).toMatchObject({ changes: { 'test.ping': true } })
  })
})
