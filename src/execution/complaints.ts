// What may be wrong each time that something is looked at: logged when it begins, and again when it has been right in between.
import type { Log } from '../base/log.ts'

/** Takes all that is wrong now, a sentence each. */
export function createComplaints(log: Log): (sentences: readonly string[]) => void {
  let before = new Set<string>()
  return sentences => {
    for (const sentence of sentences) if (!before.has(sentence)) log.warn(sentence)
    before = new Set(sentences)
  }
}
