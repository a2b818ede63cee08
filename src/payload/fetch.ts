// Returns larger than a message, as readers get them whole. A minion's ref leads to what is stored under its own id only.
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Bus } from '../bus/connect.ts'
import { fetchPayload } from '../bus/request.ts'
import type { JobReturn, PayloadRef } from '../protocol/job.ts'
import type { CachedReturn, JobView } from '../protocol/job-view.ts'
import { payloadOf, payloadProblem } from '../protocol/payload.ts'

const TIMEOUT_MS = 30_000

type Reader = Pick<Bus, 'nc' | 'subjects'>

/** A return with its value in place, wherever it lay. Throws where it is not there whole. */
export async function fetchWhole<T extends Pick<JobReturn, 'return' | 'payload' | 'id'>>(
  bus: Reader,
  returned: T,
): Promise<T> {
  const { payload, ...rest } = returned
  if (!payload) return returned
  return { ...rest, return: await fetchValue(bus, returned.id, payload) } as T
}

/**
 * The same; where it is not there whole, a failed return says why. One of more than `mostBytes` is left out with a note:
 * a minion could have a service read more than its memory holds.
 */
export async function fetchWholeOrSay(
  bus: Reader,
  returned: JobReturn,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<JobReturn> {
  const { payload, ...rest } = returned
  if (!payload) return returned
  if (payload.size > mostBytes) return { ...rest, return: leftOut(payload, mostBytes) }
  return fetchWhole(bus, returned).catch(error => ({ ...rest, ...lostReturn(rest, payload, error) }))
}

/**
 * A job with the values of all its returns in place, of `mostBytes` together; what comes after them is left out with a
 * note. Of one that cannot be fetched the return says why, and it counts as failed.
 */
export async function fetchWholeJob(bus: Reader, job: JobView, mostBytes = Number.POSITIVE_INFINITY): Promise<JobView> {
  const returns = { ...job.returns }
  let room = mostBytes
  for (const [id, { payload, ...rest }] of Object.entries(job.returns)) {
    if (!payload) continue
    const fits = payload.size <= room
    if (fits) room -= payload.size
    const whole: CachedReturn = fits
      ? await fetchValue(bus, id, payload).then(
          value => ({ ...rest, return: value }),
          error => ({ ...rest, ...lostReturn(rest, payload, error) }),
        )
      : { ...rest, return: leftOut(payload, mostBytes) }
    Object.defineProperty(returns, id, { value: whole, enumerable: true, configurable: true, writable: true })
  }
  return { ...job, returns }
}

/** What a return that cannot be fetched says in its place: why, and that it counts as failed. */
const lostReturn = ({ retcode }: Pick<JobReturn, 'retcode'>, { size }: PayloadRef, error: unknown) => ({
  return: `The return of ${size} bytes could not be fetched: ${errorMessage(error)}`,
  retcode: Math.max(1, retcode),
  success: false,
})

const leftOut = ({ size }: PayloadRef, most: number) => ({
  _left_out: `${size} bytes: a function that reads returns gets ${most} bytes of them at most; fetch it with history.payload`,
})

async function fetchValue({ nc, subjects }: Reader, minion: string, payload: PayloadRef): Promise<unknown> {
  const problem = payloadProblem(payload)
  if (problem) throw new ReactorError('damaged_payload', `the return of ${minion}: ${problem}`)
  return fetchPayload(nc, subjects.ns, payloadOf(minion, payload), {
    timeoutMs: TIMEOUT_MS,
    what: `the return of ${minion}`,
  })
}
