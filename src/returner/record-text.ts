// A record as the JSON text that stores keep; what cannot become one is refused.
import { errorMessage } from '../base/errors.ts'
import { refused } from '../functions/define-returner.ts'

/** `what` names the record in the error. Throws `refused` on one that is no JSON, larger than a text can be, or than `most` bytes. */
export function recordText(what: string, record: object, most = Number.POSITIVE_INFINITY): string {
  let text: string
  try {
    text = JSON.stringify(record)
  } catch (error) {
    throw refused(`${what} cannot be written as JSON: ${errorMessage(error)}`, error)
  }
  // To count the bytes costs as much as to make the text; a character has three at most.
  if (text.length * 3 <= most) return text
  const bytes = Buffer.byteLength(text)
  if (bytes <= most) return text
  throw refused(`${what} has ${bytes} bytes of JSON, and the store takes ${most} at most`)
}
