// C's strftime, with the letters that Python takes everywhere.
import type { DateTime } from 'luxon'
import { failure } from './values.ts'

/** Luxon's word for each letter; quoted text stands for itself. */
const LETTERS: Readonly<Record<string, string>> = {
  Y: 'yyyy',
  y: 'yy',
  m: 'LL',
  d: 'dd',
  H: 'HH',
  I: 'hh',
  M: 'mm',
  S: 'ss',
  j: 'ooo',
  p: 'a',
  a: 'ccc',
  A: 'cccc',
  b: 'LLL',
  h: 'LLL',
  B: 'LLLL',
  z: 'ZZZ',
  Z: 'ZZZZ',
  s: 'X',
  u: 'c',
  V: 'WW',
  G: 'kkkk',
  F: 'yyyy-LL-dd',
  T: 'HH:mm:ss',
  R: 'HH:mm',
  D: 'LL/dd/yy',
}

/** Names of days and months are English. Throws `template` on a letter that there is not. */
export function strftime(moment: DateTime, format: string): string {
  const at = moment.setLocale('en-US')
  return format.replace(/%([\s\S]?)/g, (_all, letter: string) => {
    if (letter === '%') return '%'
    if (letter === 'e') return String(at.day).padStart(2)
    if (letter === 'f') return String(at.millisecond * 1000).padStart(6, '0')
    if (letter === 'w') return String(at.weekday % 7)
    const word = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined
    if (word === undefined)
      throw failure(`strftime does not know %${letter}: ${Object.keys(LETTERS).join(' ')} e f w %`)
    return at.toFormat(word)
  })
}
