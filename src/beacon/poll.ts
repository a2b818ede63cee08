// The life of one beacon: it is opened, looks at every interval, and is closed. Whatever it does holds up itself alone.
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { asReactorError, errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { BeaconContext, Observation, OpenBeacon } from '../functions/define-beacon.ts'
import type { BeaconEntry } from './entry.ts'
import { look, type Memory, type Told } from './telling.ts'

/** What is to become an event. */
export interface Finding {
  tag: string
  data: Record<string, unknown>
  /** Of something that has a state: which of the beacon's things it is. */
  thing?: string
  told: Exclude<Told, 'no'>
}

/** State runs of this minion. */
export interface StateRuns {
  running(): boolean
  /** How many have begun since the process did. */
  begun(): number
}

export interface BeaconLifeParts {
  entry: BeaconEntry
  context: Omit<BeaconContext, 'signal' | 'log'>
  stateRuns: StateRuns
  say(finding: Finding): void
  clock: Clock
  log: Log
}

export interface BeaconLife extends Running {
  /** Why it does not look as it should; undefined: it does. */
  problem(): string | undefined
}

/** For so long a beacon may take over a look before that is said. */
const PATIENCE_MS = 30_000
/** Of one look; and of one thing in it. What a module gives by mistake must not take the minion's memory and disk. */
const MOST_FOUND = 10_000
const LARGEST_DATA = 128 * 1024
/** How long a stop waits for one that is looking. */
const STOP_WITHIN_MS = 1000

export function startBeacon({ entry, context, stateRuns, say, clock, log }: BeaconLifeParts): BeaconLife {
  const { definition, options, intervalMs, telling } = entry
  const closing = new AbortController()
  const { signal } = closing
  let open: OpenBeacon | undefined
  let memories = new Map<string, Memory>()
  let problem: string | undefined
  let runsSeen = stateRuns.begun()
  /** Since a state run nobody has looked: what it has changed is where things begin. */
  let isAfterRun = false

  const trouble = (found: string | undefined) => {
    if (found === problem) return
    problem = found
    if (found === undefined) log.info('the beacon looks again')
    else log.error({ problem: found }, 'a beacon does not look as it should; the others do')
  }
  const close = async () => {
    const closed = open
    open = undefined
    try {
      await closed?.close?.()
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'a beacon could not be closed')
    }
  }
  /** A state run that is over before anybody looked counts too. */
  const pausedByStates = async (): Promise<boolean> => {
    if (!entry.disableDuringStateRun) return false
    const [running, begun] = [stateRuns.running(), stateRuns.begun()]
    // What it has seen of the run goes with it.
    if (running || begun !== runsSeen) {
      await close()
      memories = new Map()
      isAfterRun = true
    }
    runsSeen = begun
    return running
  }
  const tellOf = (observations: readonly Observation[]) => {
    const seen = new Map<string, Memory>()
    for (const observation of observations) {
      const { tag = '', thing = tag, data, state } = observation
      const { memory, told } = look(
        memories.get(thing),
        observation,
        { ...telling, ...observation.telling, ...(isAfterRun ? { emitatstartup: false, delay: 0 } : {}) },
        clock.now(),
      )
      if (memory) seen.set(thing, memory)
      if (told !== 'no') say({ tag, data, told, ...(state === undefined ? {} : { thing }) })
    }
    memories = seen
    isAfterRun = false
  }
  const turn = async (): Promise<void> => {
    if (await pausedByStates()) return
    open ??= await definition.open(options, { ...context, log, signal })
    signal.throwIfAborted()
    const observations = checked(await open.poll())
    // Of one that was closed meanwhile nothing is told.
    if (!signal.aborted) tellOf(observations.slice(0, MOST_FOUND))
    if (observations.length > MOST_FOUND)
      throw new ReactorError('bad_module', `its poll gives more than ${MOST_FOUND} things; the others are not told`)
  }
  /** False: no further look would mend it. */
  const looked = async (): Promise<boolean> => {
    const done = new AbortController()
    clock.sleep(PATIENCE_MS, done.signal).then(
      () => trouble(`it has been looking for ${PATIENCE_MS / 1000} s, and is not asked again before it is back`),
      () => undefined,
    )
    try {
      await turn()
      trouble(undefined)
      return true
    } catch (error) {
      if (signal.aborted) return false
      trouble(errorMessage(error))
      return open !== undefined || asReactorError(error).code !== 'bad_config'
    } finally {
      done.abort()
    }
  }
  const run = async () => {
    let due = clock.now()
    while (!signal.aborted && (await looked())) {
      due = nextTime(due, intervalMs, clock.now())
      await clock.sleep(due - clock.now(), signal).catch(() => undefined)
    }
    await close()
  }
  const running = run()
  return {
    problem: () => problem,
    async stop() {
      closing.abort()
      const late = new AbortController()
      await Promise.race([running, delay(STOP_WITHIN_MS, undefined, { signal: late.signal }).catch(() => undefined)])
      late.abort()
    },
  }
}

/** The next of the times `due + n · interval`, where a timer may have woken a little early; an interval from now where the clock was set back. */
export function nextTime(due: number, intervalMs: number, now: number): number {
  if (due - now > intervalMs) return now + intervalMs
  return due + (Math.floor(Math.max(now - due, 0) / intervalMs) + 1) * intervalMs
}

function checked(given: readonly Observation[]): readonly Observation[] {
  const isOne = (one: unknown) =>
    isObject(one) &&
    isObject(one.data) &&
    [one.tag, one.thing, one.state].every(text => text === undefined || typeof text === 'string')
  if (!Array.isArray(given) || !given.every(isOne))
    throw new ReactorError('bad_module', "its poll gives no list of { tag, data, state } with a map 'data'")
  for (const { data } of given.slice(0, MOST_FOUND)) checkData(data)
  return given
}

function checkData(data: Record<string, unknown>): void {
  let bytes: number
  try {
    bytes = Buffer.byteLength(JSON.stringify(data))
  } catch (error) {
    throw new ReactorError('bad_module', `its poll gives data that are no JSON: ${firstLine(errorMessage(error))}`)
  }
  if (bytes > LARGEST_DATA)
    throw new ReactorError('bad_module', `its poll gives data of ${LARGEST_DATA / 1024} KiB and more: give less of it`)
}

const firstLine = (text: string): string => text.split('\n')[0]!
