// One state run at a time on a machine: who runs, who waits, and who is refused. Processes of one minion know of each other
// by a lock in its folder, with a file beside it that says what runs.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { lockFile, userOf } from '../base/file-lock.ts'
import { makeFolder } from '../base/folder.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import { isJid, jidTime } from '../protocol/jid.ts'

export interface RunInHand {
  jid: string
  fun: string
  pid: number
}

export interface TurnRequest {
  jid: string
  fun: string
  concurrent: boolean
  /** Waits in line; a number: with at most so many before it that wait too. */
  queue: boolean | number
  signal: AbortSignal
}

/** `refused`: one line for each run that goes on, in Salt's words. */
export type Turn = { refused: string[]; done?: never } | { refused?: never; done(): void }

export interface StateTurns {
  /** Throws the system's error where the folder cannot be written, and the signal's reason. */
  take(request: TurnRequest): Promise<Turn>
  running(): string[]
  /** How many runs of this process have begun. */
  begun(): number
}

interface Waiting {
  begin(): void
  fail(error: unknown): void
}

/** How often a run that waits looks whether another process has ended its own. */
const POLL_MS = 200

/** `file` is one of the minion's folder. */
export function createStateTurns(file: string, log: Log): StateTurns {
  const active = new Set<RunInHand>()
  const line = new Set<Waiting>()
  let begun = 0
  let unlock: (() => void) | undefined
  let polling: NodeJS.Timeout | undefined
  let making: Promise<void> | undefined

  /** One for all who ask meanwhile: by themselves they would come back in any order, and are to stand in line as they came. */
  const folder = (): Promise<void> => {
    making ??= makeFolder(dirname(file)).finally(() => {
      making = undefined
    })
    return making
  }
  /** A run that is over has its return, whatever the disk says. */
  const trying = (work: () => void) => {
    try {
      work()
    } catch (error) {
      log.warn({ file, error: errorMessage(error) }, 'the turn of a state run could not be written down')
    }
  }
  const tell = () =>
    trying(() => {
      if (active.size > 0) writeFileSync(file, JSON.stringify([...active]), { mode: 0o600 })
      else rmSync(file, { force: true })
    })
  /** Whether this process may run states: no other of this minion does. */
  const lock = (): boolean => {
    try {
      unlock ??= lockFile(file)
      return true
    } catch (error) {
      if (error instanceof ReactorError && error.code === 'unwritable') return false
      throw error
    }
  }
  const enter = ({ jid, fun }: TurnRequest): Turn => {
    const own: RunInHand = { jid, fun, pid: process.pid }
    active.add(own)
    begun++
    // Beside a run of another process what that says stays.
    if (unlock) tell()
    return { done: () => leave(own) }
  }
  const leave = (own: RunInHand) => {
    active.delete(own)
    if (unlock) tell()
    if (active.size === 0) {
      const release = unlock
      unlock = undefined
      if (release) trying(release)
    }
    callNext()
  }
  const callNext = () => {
    const [first] = line
    if (!first || active.size > 0 || polling) return
    try {
      if (lock()) return first.begin()
    } catch (error) {
      first.fail(error)
      return callNext()
    }
    polling = setTimeout(() => {
      polling = undefined
      callNext()
    }, POLL_MS)
  }
  const inLine = (request: TurnRequest) =>
    new Promise<Turn>((resolve, reject) => {
      const { signal } = request
      const leaveLine = () => {
        line.delete(waiting)
        signal.removeEventListener('abort', stop)
      }
      const waiting: Waiting = {
        begin() {
          leaveLine()
          resolve(enter(request))
        },
        fail(error) {
          leaveLine()
          reject(error)
        },
      }
      const stop = () => waiting.fail(signal.reason)
      line.add(waiting)
      signal.addEventListener('abort', stop, { once: true })
      callNext()
    })
  const others = (): RunInHand[] => {
    const holder = unlock ? undefined : userOf(file)
    return [...active, ...(holder === undefined ? [] : toldBy(file, holder))]
  }

  return {
    running: () => others().map(words),
    begun: () => begun,
    async take(request) {
      await folder()
      const { jid, concurrent, queue, signal } = request
      signal.throwIfAborted()
      // A run that a state of this very job asks for is part of it.
      const within = [...active].some(run => run.jid === jid)
      if (concurrent || within) {
        lock()
        return enter(request)
      }
      if (active.size === 0 && line.size === 0 && lock()) return enter(request)
      if (queue === false || queue === 0) return { refused: others().map(words) }
      if (typeof queue === 'number' && line.size >= queue)
        return {
          refused: [
            `The state run was not queued: ${line.size} wait already, and no more than ${queue} may (queue=${queue})`,
            ...others().map(words),
          ],
        }
      return inLine(request)
    },
  }
}

/** What another process says of its runs; it may be writing just now. */
function toldBy(file: string, holder: number): RunInHand[] {
  let told: unknown
  try {
    told = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    told = []
  }
  const runs = Array.isArray(told) ? told.filter(isRun) : []
  return runs.length > 0 ? runs : [{ jid: '', fun: 'state.apply', pid: holder }]
}

const isRun = (value: unknown): value is RunInHand =>
  isObject(value) && typeof value.fun === 'string' && typeof value.pid === 'number' && isJid(value.jid)

function words({ fun, pid, jid }: RunInHand): string {
  const when = jid === '' ? '' : ` and was started at ${startOf(jid)} with jid ${jid}`
  return `The function "${fun}" is running as PID ${pid}${when}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `2026, Nov 22 06:38:55.123456` */
function startOf(jid: string): string {
  const at = new Date(Math.floor(jidTime(jid)))
  return `${jid.slice(0, 4)}, ${MONTHS[at.getUTCMonth()]} ${jid.slice(6, 8)} ${jid.slice(8, 10)}:${jid.slice(10, 12)}:${jid.slice(12, 14)}.${jid.slice(14)}`
}
