import { describe, expect, it } from 'vitest'
import { requireHeartbeats } from '../../src/config/heartbeats.ts'
import { parseConfig } from '../../src/config/load.ts'

describe('one config for master and minion', () => {
  const require = (beat: string, lost_after: string) =>
    requireHeartbeats(parseConfig({ minion: { beat }, master: { lost_after } }, 'the test'))

  it('has two heartbeats in the time after which a minion is lost', () => {
    require('5s', '10s')
    expect(() => require('60s', '25s')).toThrow("'minion.beat' is 60s, and must go twice into 'master.lost_after'")
  })
})

describe('the settings of presence', () => {
  it('tell of changes alone, where nothing else is said', () => {
    expect(parseConfig({}, 'the test')).toMatchObject({ presence_events: 'change', presence_interval: 60_000 })
  })

  it.each([true, false, 'change'])('take %j for presence_events', presence_events => {
    expect(parseConfig({ presence_events }, 'the test')).toMatchObject({ presence_events })
  })

  it.each([
    [{ presence_events: 'sometimes' }, "'presence_events'"],
    [{ presence_interval: '10ms' }, 'a second at least'],
    [{ master: { lost_after: '0s' } }, 'a second at least'],
    [{ minion: { start_event_grains: 'os' } }, "'minion.start_event_grains'"],
  ])('refuse %j', (settings, says) => {
    expect(() => parseConfig(settings, 'the test')).toThrow(says)
  })
})
