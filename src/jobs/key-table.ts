// A set of keys that holds of each 96 bits of its hash, off the heap: with open addressing, which no key leaves.
//
// A key is taken for another where those bits are the same, and then work would be skipped that nobody has done. Of keys that
// are not held one in 2^96 / n is taken for one of n that are: at 2^25 held and 1000 looked for a second that is once in 10^11
// years. With 64 bits it would be once in 17 years. The hash is seeded by chance, so that nobody can choose ids that meet.
import { randomBytes } from 'node:crypto'

export interface KeyTable {
  has(hash: KeyHash): boolean
  /** False where it was there already. The table has to have room. */
  add(hash: KeyHash): boolean
  size(): number
  isFull(): boolean
}

/** The three words that are kept; made by `createHashKey`, which gives the same object each time. */
export type KeyHash = Uint32Array

const WORDS = 3
const FIRST_SLOTS = 1024
/** Part of the slots that are taken at most: more make the way to a free one long. */
const LOAD = 0.8

/** `mostSlots`: a power of two. */
export function createKeyTable(mostSlots: number): KeyTable {
  let slots = Math.min(FIRST_SLOTS, mostSlots)
  let words = new Uint32Array(slots * WORDS)
  let size = 0

  /** Where it is, or the free slot where it would be. */
  const slotOf = (a: number, b: number, c: number): number => {
    for (let slot = a & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const at = slot * WORDS
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return at
      if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0) return at
    }
  }
  const isFree = (at: number) => words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0
  const put = (at: number, a: number, b: number, c: number) => {
    words[at] = a
    words[at + 1] = b
    words[at + 2] = c
  }
  const grow = () => {
    const before = words
    slots *= 2
    words = new Uint32Array(slots * WORDS)
    for (let at = 0; at < before.length; at += WORDS) {
      const a = before[at]!
      const b = before[at + 1]!
      const c = before[at + 2]!
      if (a !== 0 || b !== 0 || c !== 0) put(slotOf(a, b, c), a, b, c)
    }
  }

  return {
    has: hash => !isFree(slotOf(hash[0]!, hash[1]!, hash[2]!)),
    add(hash) {
      if (size >= Math.floor(slots * LOAD) && slots < mostSlots) grow()
      const at = slotOf(hash[0]!, hash[1]!, hash[2]!)
      if (!isFree(at)) return false
      put(at, hash[0]!, hash[1]!, hash[2]!)
      size += 1
      return true
    },
    size: () => size,
    isFull: () => size >= Math.floor(mostSlots * LOAD),
  }
}

/** MurmurHash3 (x86, 128 bits) of the key's UTF-16, with a seed by chance for each of its words. */
export function createHashKey(): (key: string) => KeyHash {
  const seeds = new Uint32Array(new Uint8Array(randomBytes(16)).buffer)
  const [s1, s2, s3, s4] = [seeds[0]!, seeds[1]!, seeds[2]!, seeds[3]!]
  const hash = new Uint32Array(WORDS)
  return key => {
    let [h1, h2, h3, h4] = [s1, s2, s3, s4]
    const { length } = key
    const two = (at: number) =>
      at < length ? key.charCodeAt(at) | ((at + 1 < length ? key.charCodeAt(at + 1) : 0) << 16) : 0
    for (let at = 0; at < length; at += 8) {
      h1 = (Math.imul(rotl(h1 ^ mix(two(at), C1, C2, 15), 19) + h2, 5) + 0x561ccd1b) | 0
      h2 = (Math.imul(rotl(h2 ^ mix(two(at + 2), C2, C3, 16), 17) + h3, 5) + 0x0bcaa747) | 0
      h3 = (Math.imul(rotl(h3 ^ mix(two(at + 4), C3, C4, 17), 15) + h4, 5) + 0x96cd1c35) | 0
      h4 = (Math.imul(rotl(h4 ^ mix(two(at + 6), C4, C1, 18), 13) + h1, 5) + 0x32ac3b17) | 0
    }
    h1 ^= length
    h2 ^= length
    h3 ^= length
    h4 ^= length
    h1 = (h1 + h2 + h3 + h4) | 0
    h2 = finish((h2 + h1) | 0)
    h3 = finish((h3 + h1) | 0)
    h4 = finish((h4 + h1) | 0)
    h1 = (finish(h1) + h2 + h3 + h4) | 0
    hash[0] = h1
    hash[1] = h2 + h1
    // All zero is a free slot.
    hash[2] = (h3 + h1) | 0 || 1
    return hash
  }
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotl = (word: number, by: number) => (word << by) | (word >>> (32 - by))
const mix = (word: number, first: number, second: number, by: number) =>
  Math.imul(rotl(Math.imul(word, first), by), second)

function finish(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
