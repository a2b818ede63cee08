// Arbitrary ids, tags and origins for property tests, those among them that have been trouble elsewhere.
import fc from 'fast-check'
import { minionOrigin, type Origin, SERVICES, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'

const NASTY = ['', '*', '>', 'a.b', '.', '..', '_', '_master', '_user-root', '_user-', '=', '==', '=5F', '=5Fmaster']
const MORE = [
  '=5F=',
  'user-admin',
  'a b',
  'a\tb',
  'a\r\nb',
  '\u0000',
  'é',
  'e\u0301',
  '日本',
  '😀',
  '\ufeff',
  '$JS',
  '%2E',
  '=2E',
]
export const IDS = [...NASTY, ...MORE]
export const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom(...IDS))
export const tag = fc.oneof(
  fc.array(text, { minLength: 1, maxLength: 6 }).map(parts => parts.join('/')),
  text,
)
export const origin: fc.Arbitrary<Origin> = fc.oneof(
  text.map(minionOrigin),
  text.map(userOrigin),
  fc.constantFrom(...SERVICES).map(serviceOrigin),
)
