import { describe, expect, it } from 'vitest'
import { createScreen } from '../../../src/cli/jobs/screen.ts'

describe('a screen', () => {
  it('draws its lines over those before, cut to the terminal', () => {
    const written: string[] = []
    const screen = createScreen({ columns: 6, rows: 10, write: text => written.push(text) })
    screen.draw(['one', 'a longer line'])
    screen.draw(['two'])
    screen.draw([])
    expect(written).toEqual(['\u001b[Jone\na lo…\n', '\u001b[2A\r\u001b[Jtwo\n', '\u001b[1A\r\u001b[J'])
  })

  it('counts what a low terminal has no room for', () => {
    const written: string[] = []
    createScreen({ columns: 40, rows: 4, write: text => written.push(text) }).draw(['1', '2', '3', '4', '5'])
    expect(written).toEqual(['\u001b[J1\n2\n… and 3 more lines\n'])
  })
})
