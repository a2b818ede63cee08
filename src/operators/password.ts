// Passwords of operators: scrypt, kept as one text with its parameters: `scrypt$15$8$1$<salt>$<hash>`, both in base64url. A
// check costs 32 MiB and a tenth of a second, so only a few run at once, and a name that nobody has costs as much.
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { ReactorError } from '../base/errors.ts'

interface Parameters {
  /** N is 2 to this power. */
  logN: number
  r: number
  p: number
}

interface Encoded extends Parameters {
  salt: Buffer
  hash: Buffer
}

const NOW: Parameters = { logN: 15, r: 8, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Bytes; what is longer is nobody's password. */
export const MAX_PASSWORD = 1024
/** What a hash that somebody gives may make the master spend on each login. */
const MOST: Parameters = { logN: 17, r: 16, p: 4 }
const MOST_BYTES = 256 * 1024 * 1024
const AT_ONCE = 2
const MOST_WAITING = 64

/** HMAC fills a short key up with NULs, so that a password with one behind it would be as good as without. */
const NUL = '\0'

/** Throws `bad_argument` on an empty password, one of more than a thousand bytes and one with a NUL in it. */
export async function hashPassword(password: string): Promise<string> {
  const bytes = Buffer.byteLength(password)
  if (bytes === 0 || bytes > MAX_PASSWORD)
    throw new ReactorError('bad_argument', `a password has 1 to ${MAX_PASSWORD} bytes, this one has ${bytes}`)
  if (password.includes(NUL)) throw new ReactorError('bad_argument', 'a password has no NUL (the byte 0) in it')
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, NOW, HASH_BYTES)
  return encode({ ...NOW, salt, hash })
}

/** Whether it is a text as `hashPassword` makes them, with parameters that are neither too weak nor too dear to check. */
export const isPasswordHash = (text: string): boolean => decode(text) !== undefined

export interface PasswordCheck {
  /**
   * Whether the password is the one that was hashed; without a hash false, after the same time. `from`: the address that it
   * comes from. Throws `unreachable` where too many checks wait already.
   */
  matches(password: string, hash: string | undefined, from: string): Promise<boolean>
}

/** A few checks at once; the others wait for their turn. */
export function createPasswordCheck({ atOnce = AT_ONCE, mostWaiting = MOST_WAITING } = {}): PasswordCheck {
  const nobody: Encoded = { ...NOW, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) }
  const turns = createTurns(atOnce, mostWaiting)
  return {
    async matches(password, text, from) {
      if (Buffer.byteLength(password) > MAX_PASSWORD || password.includes(NUL)) return false
      const known = text === undefined ? undefined : decode(text)
      const { salt, hash, ...parameters } = known ?? nobody
      await turns.take(from)
      try {
        const same = timingSafeEqual(await derive(password, salt, parameters, hash.length), hash)
        return same && known !== undefined
      } finally {
        turns.done()
      }
    },
  }
}

interface Waiting {
  go(): void
  giveUp(error: ReactorError): void
}

/**
 * Every address has its turn, first come, first served among its own. When too many wait, the newest of the address that has
 * most gives way: whoever guesses as fast as they can keeps themselves waiting, and not those who come from elsewhere.
 */
function createTurns(atOnce: number, mostWaiting: number) {
  /** By address; whose turn is next stands first. */
  const queues = new Map<string, Waiting[]>()
  let waiting = 0
  let running = 0

  const tooMany = () =>
    new ReactorError('unreachable', 'too many passwords are being checked: try again in a few seconds')
  const makeRoom = (own: number): boolean => {
    let longest: Waiting[] = []
    for (const queue of queues.values()) if (queue.length > longest.length) longest = queue
    // Both would have as many: whoever waits already stays.
    if (longest.length <= own + 1) return false
    longest.pop()?.giveUp(tooMany())
    waiting--
    return true
  }

  return {
    async take(from: string): Promise<void> {
      if (running < atOnce) return void running++
      const queue = queues.get(from) ?? []
      if (waiting >= mostWaiting && !makeRoom(queue.length)) throw tooMany()
      waiting++
      queues.set(from, queue)
      await new Promise<void>((go, giveUp) => queue.push({ go, giveUp }))
    },
    /** Hands the place on. */
    done(): void {
      const [next] = queues
      if (!next) return void running--
      const [from, queue] = next
      queues.delete(from)
      const first = queue.shift()
      if (queue.length > 0) queues.set(from, queue)
      waiting--
      first?.go()
    },
  }
}

function derive(password: string, salt: Buffer, { logN, r, p }: Parameters, length: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: memory({ logN, r, p }) + 1024 * 1024 }
  return new Promise((resolve, reject) =>
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key))),
  )
}

const memory = ({ logN, r, p }: Parameters): number => 128 * r * (2 ** logN + p)

const encode = ({ logN, r, p, salt, hash }: Encoded): string =>
  ['scrypt', logN, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$')

function decode(text: string): Encoded | undefined {
  const parts = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22,86})\$([\w-]{43,86})$/.exec(text)
  if (!parts) return undefined
  const [logN, r, p] = parts.slice(1, 4).map(Number) as [number, number, number]
  if (logN < NOW.logN || logN > MOST.logN || r < NOW.r || r > MOST.r || p < NOW.p || p > MOST.p) return undefined
  if (memory({ logN, r, p }) > MOST_BYTES) return undefined
  return { logN, r, p, salt: Buffer.from(parts[4]!, 'base64url'), hash: Buffer.from(parts[5]!, 'base64url') }
}
