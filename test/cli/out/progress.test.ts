import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createProgress, progressText } from '../../../src/cli/out/progress.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const CLEAR = '\r\u001b[K'

function open(isTTY: boolean, columns = 80) {
  const written: string[] = []
  let text: string | undefined = 'one'
  const progress = createProgress({ isTTY, columns, write: part => written.push(part) }, () => text)
  const say = (next: string | undefined) => {
    text = next
  }
  return { progress, written, say }
}

describe('the progress line', () => {
  it('is drawn soon after a change, and in its place', () => {
    const { progress, written, say } = open(true)
    progress.changed()
    vi.advanceTimersByTime(100)
    say('two')
    progress.changed()
    progress.changed()
    vi.advanceTimersByTime(100)
    expect(written).toEqual([`${CLEAR}one`, `${CLEAR}two`])
    progress.stop()
  })

  it('goes away for other output, and at the end', () => {
    const { progress, written } = open(true)
    progress.changed()
    vi.advanceTimersByTime(100)
    progress.clear()
    progress.clear()
    expect(written).toEqual([`${CLEAR}one`, CLEAR])
    progress.changed()
    progress.stop()
    vi.advanceTimersByTime(5000)
    expect(written).toEqual([`${CLEAR}one`, CLEAR])
  })

  it('moves on by itself every second', () => {
    const { progress, written, say } = open(true)
    say('1s')
    vi.advanceTimersByTime(1100)
    say('2s')
    vi.advanceTimersByTime(1000)
    expect(written).toEqual([`${CLEAR}1s`, `${CLEAR}2s`])
    progress.stop()
  })

  it('fits the terminal, and is nothing where there is none, or nothing to say', () => {
    const narrow = open(true, 4)
    narrow.say('longer')
    narrow.progress.changed()
    vi.advanceTimersByTime(100)
    expect(narrow.written).toEqual([`${CLEAR}lo…`])
    narrow.progress.stop()
    const [nowhere, silent] = [open(false), open(true)]
    silent.say(undefined)
    for (const { progress } of [nowhere, silent]) progress.changed()
    vi.advanceTimersByTime(3000)
    for (const { progress } of [nowhere, silent]) progress.stop()
    expect([nowhere.written, silent.written]).toEqual([[], []])
  })
})

describe('its text', () => {
  it('counts who returned, and names the other states that some are in', () => {
    expect(progressText({ returned: 11, failed: 1, running: 180, accepted: 5, offline: 3 }, 4200)).toBe(
      '12 of 200 returned (1 failed), 180 running, 5 waiting, 3 silent, 4s',
    )
    expect(progressText({ running: 7 }, 0)).toBe('0 of 7 returned, 7 running, 0s')
    expect(progressText({ died: 1, timed_out: 1, returned: 4 }, 60_000)).toBe('6 of 6 returned (2 failed), 60s')
  })
})
