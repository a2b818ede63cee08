import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCapture } from '../../src/execution/capture.ts'

function captured(limit: number, chunks: Buffer[]) {
  const capture = createCapture(limit)
  for (const chunk of chunks) capture.add(chunk)
  return capture
}

describe('captured output', () => {
  it('is whole up to its limit, however it was chunked', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat(50), (texts, spare) => {
        const whole = Buffer.from(texts.join(''))
        const bytes = texts.map(text => Buffer.from(text))
        const capture = captured(Math.max(1, whole.length + spare), bytes)
        expect(capture.text()).toBe(whole.toString())
        expect(capture.truncated()).toBe(false)
      }),
    )
  })

  it('keeps the first and the last half beyond it and says what was left out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.stringMatching(/^[a-z]{0,30}$/)), (limit, texts) => {
        const whole = texts.join('')
        fc.pre(whole.length > limit)
        const capture = captured(
          limit,
          texts.map(text => Buffer.from(text)),
        )
        const head = whole.slice(0, Math.ceil(limit / 2))
        const tail = limit === 1 ? '' : whole.slice(whole.length - Math.floor(limit / 2))
        const cut = whole.length - limit
        expect(capture.text()).toBe(
          `${head}\n[output cut: ${cut} of ${whole.length} bytes left out here; output_limit is ${limit} bytes]\n${tail}`,
        )
        expect(capture.truncated()).toBe(true)
      }),
    )
  })

  it('does not show halves of a character at the cut', () => {
    expect(captured(10, [Buffer.from('é'.repeat(20))]).text()).toMatch(/^éé\n\[output cut: 32 of 40 .*\]\néé$/)
  })

  it('shows bytes that are no text as replacement characters', () => {
    expect(captured(10, [Buffer.from([0x61, 0xff, 0x62])]).text()).toBe('a\ufffdb')
  })
})
