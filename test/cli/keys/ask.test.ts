import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { confirmed } from '../../../src/cli/keys/ask.ts'
import { within } from '../../helpers/wait.ts'

function terminal(typed?: string, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY })
  const output = new PassThrough()
  const exits: number[] = []
  if (typed !== undefined) input.write(typed)
  return { input, output, exits, exit: (code: number) => void exits.push(code) }
}

describe('a question', () => {
  it.each([
    ['\n', true],
    ['y\n', true],
    [' YES \n', true],
    ['n\n', false],
    ['no\n', false],
    ['yellow\n', false],
    ['0\n', false],
  ])('answered with %j is %s', async (typed, answer) => {
    const shown = terminal(typed)
    expect(await confirmed('Proceed?', false, shown)).toBe(answer)
    expect(String(shown.output.read())).toContain('Proceed? [n/Y] ')
  })

  it('that is not answered because the input ends is not a yes', async () => {
    const shown = terminal()
    const asked = confirmed('Proceed?', false, shown)
    shown.input.end()
    expect(await within(asked, 'the answer')).toBe(false)
  })

  it('is not asked where the answer was given', async () => {
    const shown = terminal(undefined, false)
    expect(await confirmed('Proceed?', true, shown)).toBe(true)
    expect(shown.output.read()).toBe(null)
  })

  it('is refused where nobody sits', async () => {
    await expect(confirmed('Proceed?', false, terminal('y\n', false))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('-y'),
    })
  })
})
