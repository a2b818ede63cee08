// How the functions of the load leave their effects: a line each, in one write at the end of the file, so that lines of several
// processes never mix, and a kill leaves a whole line or none.
import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export function leave(dir, ...words) {
  appendFileSync(`${dir}/effects`, `${words.join(' ')}\n`)
}

/** Leaves the effect in the middle of work that takes its time, so that kills often hit it: before the effect, or after. */
export async function leaveAtWork(...words) {
  await delay(300)
  leave(...words)
  await delay(300)
}
