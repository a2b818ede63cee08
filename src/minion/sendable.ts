// A return as an event can carry it: what is no JSON, or is larger than a message, is said or goes up as a payload first.
import { errorMessage } from '../base/errors.ts'
import { parseForeignJson } from '../base/json.ts'
import type { Log } from '../base/log.ts'
import type { SendPayload } from '../payload/upload.ts'
import type { JobReturn } from '../protocol/job.ts'

export interface FitParts {
  sendPayload: SendPayload
  /** Bytes that a message may have. */
  maxPayload(): number
  log: Log
}

/** What an event has besides its data. */
const ENVELOPE_BYTES = 4096

/**
 * Makes a return fit into a message; where its value can never go up apart, it becomes a failed one that says why. Throws
 * `unreachable` where the connection is closed first.
 */
export function createFit({ sendPayload, maxPayload, log }: FitParts): (returned: JobReturn) => Promise<JobReturn> {
  return async returned => {
    const limit = maxPayload() - ENVELOPE_BYTES
    if (Buffer.byteLength(JSON.stringify(returned)) <= limit) return returned
    const text = JSON.stringify(returned.return)
    const sent = await sendPayload(returned.jid, text)
    // Its arguments alone may be too long.
    const rest = { ...returned, return: null, ...(sent.ok ? { payload: sent.payload } : {}) }
    const size = Buffer.byteLength(JSON.stringify(rest))
    const data = size <= limit ? rest : withoutArguments(rest, [`left out: ${size} bytes`])
    if (sent.ok) return data
    log.warn({ jid: returned.jid, reason: sent.reason }, 'a large return could not be sent')
    return failed(
      data,
      `the return has ${Buffer.byteLength(text)} bytes, more than a message may have (${limit}), and could not be sent apart: ${sent.reason}`,
    )
  }
}

const withoutArguments = (returned: JobReturn, note: string[]): JobReturn => ({
  ...returned,
  fun_args: note,
  ...(returned.arg ? { arg: note } : {}),
})

export const failed = (returned: JobReturn, words: string): JobReturn => ({
  ...returned,
  return: words,
  retcode: returned.retcode || 1,
  success: false,
})

/** A function may return what is no JSON, or what no reader would take; then that is its return. */
export function asJson(returned: JobReturn): JobReturn {
  try {
    const text = JSON.stringify({ data: { return: returned.return } })
    // Only text of that length can be nested too deep.
    if (text.length > 1000) parseForeignJson(text)
    return returned
  } catch (error) {
    return failed(returned, `the return of ${returned.fun} is no JSON: ${errorMessage(error)}`)
  }
}
