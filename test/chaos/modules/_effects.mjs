// How the functions of the load leave their effects: a line each, in one write at the end of the file, so that lines of several
// processes never mix, and a kill leaves a whole line or none.
import { appendFileSync } from 'node:fs'

export function leave(dir, ...words) {
  appendFileSync(`${dir}/effects`, `${words.join(' ')}\n`)
}
