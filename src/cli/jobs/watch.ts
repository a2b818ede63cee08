// `reactor jobs watch`: the states of a job, or of all active jobs, as they change.

import { cleanText } from '../../base/clean.ts'
import { systemClock } from '../../base/clock.ts'
import { errorMessage } from '../../base/errors.ts'
import type { Bus } from '../../bus/connect.ts'
import { createJobCache, readJobs } from '../../cache/client.ts'
import { followJob } from '../../call/follow.ts'
import type { Standing } from '../../call/standing.ts'
import { clockTime } from '../../call/unanswered.ts'
import { createWake } from '../../call/wake.ts'
import type { JobSummary, JobView } from '../../protocol/job-view.ts'
import { isClosed, MINION_STATES, type MinionState } from '../../protocol/lifecycle.ts'
import { stateWord } from '../../report/job.ts'
import type { Paint } from '../../tail/colour.ts'
import { print, printJson } from '../out/print.ts'
import { createScreen } from './screen.ts'
import { funText, jobHead, jobsTable, paintCounts, paintState, table, tableLook } from './table.ts'

interface WatchOptions {
  json?: boolean
}

/** One job, to its end. Whether every minion returned well. */
export async function watchJob(bus: Bus, view: JobView, { json }: WatchOptions, signal: AbortSignal): Promise<boolean> {
  const screen = process.stdout.isTTY && !json ? createScreen(process.stdout) : undefined
  const told = new Map<string, string>()
  const show = (standing: Standing) => {
    const now = Date.now()
    if (screen) return screen.draw(jobScreen(view, standing, now))
    for (const id of standing.expected ?? []) {
      const seen = lookAt(standing, id, now)
      const line = JSON.stringify({ jid: view.jid, minion: id, ...seen })
      if (told.get(id) === line) continue
      told.set(id, line)
      print(json ? line : `${clockTime(now, now)}  ${cleanText(id)}  ${paintSeen(seen, tableLook().paint)}`)
    }
  }
  // Times pass without an event.
  let last: Standing | undefined
  const tick = setInterval(() => last && screen && show(last), 1000)
  try {
    const standing = await followJob(
      bus,
      view,
      changed => {
        last = changed
        show(changed)
      },
      { signal },
    )
    const counts = standing.counts(Date.now())
    if (json && !signal.aborted) printJson({ jid: view.jid, counts })
    return Object.keys(counts).every(state => state === 'returned')
  } finally {
    clearInterval(tick)
  }
}

interface Seen {
  state: MinionState
  /** It took the job, and is heard of no more. */
  lost?: true
}

function lookAt(standing: Standing, id: string, nowMs: number): Seen {
  const state = standing.stateOf(id, nowMs)
  return standing.gone.has(id) && !isClosed(state, true) ? { state, lost: true } : { state }
}

const paintSeen = ({ state, lost }: Seen, paint: Paint): string =>
  paintState(state, paint, lost ? `${stateWord(state)}, not connected` : undefined)

/** What matters most comes first, for a screen may be too low for all. */
const ORDER: readonly MinionState[] = ['failed', 'died', 'timed_out', 'running', 'accepted', 'offline', 'returned']

function jobScreen(view: JobView, standing: Standing, nowMs: number): string[] {
  const here = tableLook()
  const counts = standing.counts(nowMs)
  const active = standing.open(nowMs).length > 0 || (counts.offline !== undefined && nowMs <= standing.times.deadline)
  const states = [...(standing.expected ?? [])]
    .map(id => ({ id, ...lookAt(standing, id, nowMs) }))
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.id < b.id ? -1 : 1))
  const rows = states.map(({ id, ...seen }) => [cleanText(id), paintSeen(seen, here.paint)])
  return [...jobHead({ ...view, counts, active }, nowMs, here), '', ...table(['MINION', 'STATE'], rows, here)]
}

const POLL_MS = 1000
const SETTLE_MS = 250
/** Jobs that are looked at, and those that have ended are remembered. */
const MOST = 1000
/** Jobs whose last line is remembered, so that none is told twice. */
const KNOWN = 10_000
const RECENT_MS = 60_000

/** Drops the oldest entries. */
function forget(map: Map<string, unknown>, keep: number): void {
  for (const key of map.keys()) {
    if (map.size <= keep) return
    map.delete(key)
  }
}

/** All active jobs, until `signal` aborts. */
export async function watchAll(bus: Bus, { json }: WatchOptions, signal: AbortSignal): Promise<void> {
  const cache = createJobCache(bus.nc, bus.subjects)
  const screen = process.stdout.isTTY && !json ? createScreen(process.stdout) : undefined
  const known = new Map<string, string>()
  const { wake, wait } = createWake(systemClock)
  const subscriptions = ['job', 'run', 'wheel'].map(kind =>
    bus.nc.subscribe(`${bus.subjects.livePrefix}*.salt.${kind}.>`, { callback: wake }),
  )
  const tell = (job: JobSummary) => {
    const text = [job.active, ...MINION_STATES.map(state => job.counts[state] ?? 0)].join()
    if (known.get(job.jid) === text) return
    known.set(job.jid, text)
    forget(known, KNOWN)
    const now = Date.now()
    if (json) return printJson({ jid: job.jid, fun: job.fun, active: job.active, counts: job.counts })
    print(`${clockTime(now, now)}  ${job.jid}  ${funText(job)}  ${paintCounts(job, tableLook().paint)}`)
  }
  let problem = ''
  const began = Date.now()
  /** Those that were active when last looked at, and those that have ended since the watch began. */
  let before = new Set<string>()
  const ended = new Map<string, JobSummary>()
  const refresh = async () => {
    const { jobs: active } = await readJobs(cache, { active: true }, MOST)
    // Short jobs may begin and end between two looks, and long ones have begun before the watch.
    const since = Math.max(began, Date.now() - RECENT_MS)
    const { jobs: recent } = await readJobs(cache, { since, ext_source: 'local' }, MOST)
    const open = new Set(active.map(({ jid }) => jid))
    const gone = await Promise.all([...before].filter(jid => !open.has(jid)).map(jid => cache.job(jid, 'local')))
    for (const job of [...gone, ...recent]) if (job && !job.active) ended.set(job.jid, job)
    before = open
    forget(ended, MOST)
    return active
  }
  try {
    while (!signal.aborted) {
      try {
        const active = await refresh()
        if (signal.aborted) return
        if (screen) screen.draw(allScreen(active, [...ended.values()]))
        else for (const job of [...ended.values(), ...[...active].reverse()]) tell(job)
        problem = ''
      } catch (error) {
        const now = errorMessage(error)
        if (now !== problem) process.stderr.write(`reactor: ${now}; trying again\n`)
        problem = now
      }
      await wait(POLL_MS, signal)
      await systemClock.sleep(SETTLE_MS, signal).catch(() => undefined)
    }
  } finally {
    if (!bus.nc.isClosed()) for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

const LATEST = 10

function allScreen(active: readonly JobSummary[], allEnded: readonly JobSummary[]): string[] {
  const [now, here] = [Date.now(), tableLook()]
  const ended = [...allEnded].sort((a, b) => (a.jid < b.jid ? 1 : -1)).slice(0, LATEST)
  return [
    `${active.length} active ${active.length === 1 ? 'job' : 'jobs'} (Ctrl-C ends the watch)`,
    ...(active.length > 0 ? jobsTable(active, now, here) : []),
    ...(ended.length > 0 ? ['', 'ended since', ...jobsTable(ended, now, here)] : []),
  ]
}
