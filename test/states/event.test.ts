import { describe, expect, it } from 'vitest'
import { stateCaller } from './call.ts'

const hide = (value: unknown) =>
  value === undefined ? value : JSON.parse(JSON.stringify(value).replaceAll('hunter2', '[redacted]'))
const pillar = { hide, current: () => ({ value: { port: 80, key: 'hunter2' }, errors: [] }) } as never
const frame = { id: 'web1', cmd: '_minion_event', pretag: null }
const name = 'my/app/deployed'

describe('states of event', () => {
  it("fire as Salt's minions do", async () => {
    const { call, fired } = stateCaller({ pillar, grains: { os: 'Debian', kernel: 'Linux' } })
    const given = { name, data: { version: 2 }, by: 'states', with_grains: ['os'], preload: { ns: 'x' } }
    expect(await call('event.send', given)).toEqual({
      result: true,
      changes: { tag: name, data: { by: 'states', version: 2 } },
      comment: 'Event fired',
    })
    const data = { by: 'states', version: 2, grains: { os: 'Debian' } }
    expect(fired).toEqual([{ tag: name, data: { ...frame, ns: 'x', tag: name, data } }])
    expect(await call('event.send', { name, show_changed: false })).toMatchObject({ changes: {} })
  })

  it('fire nothing with test=True', async () => {
    const { test, fired } = stateCaller({ pillar })
    expect(await test('event.send', { name })).toMatchObject({ result: null, comment: 'Event would have been fired' })
    expect(fired).toEqual([])
  })

  it('wait for what they watch', async () => {
    const { call, watch, fired } = stateCaller({ pillar })
    expect(await call('event.wait', { name })).toEqual({ result: true, changes: {}, comment: '' })
    expect(fired).toEqual([])
    expect(await watch('event.wait', { name })).toMatchObject({ result: true, comment: 'Event fired' })
    expect(fired).toHaveLength(1)
  })

  it('hide the secrets of the pillar wherever they stand', async () => {
    const { call, fired } = stateCaller({ pillar })
    const { changes } = await call('event.send', { name, data: { said: 'it is hunter2' }, with_pillar: true })
    const hidden = { said: 'it is [redacted]', pillar: { port: 80, key: '[redacted]' } }
    expect(fired[0]!.data.data).toEqual(hidden)
    expect(changes).toEqual({ tag: name, data: { said: 'it is [redacted]' } })
  })
})
