// Names of machines in a call.
import { ReactorError } from '../base/errors.ts'
import { minionIdProblem } from '../protocol/key.ts'

/** Instances that a call may name. */
const MOST_NAMES = 100

/** Throws `bad_argument` where there is none, one that no minion can have, or one twice. */
export function requireNames(names: readonly string[]): void {
  const refuse = (why: string) => new ReactorError('bad_argument', why)
  if (names.length === 0) throw refuse('no machine is named: give a name, or several with commas')
  if (names.length > MOST_NAMES) throw refuse(`${names.length} machines are more than the ${MOST_NAMES} of one call`)
  for (const name of names) {
    const problem = minionIdProblem(name)
    if (problem !== undefined)
      throw refuse(
        `${JSON.stringify(name).slice(0, 300)} is no name of a machine, which is its minion's id: ${problem}`,
      )
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw refuse(`'${twice}' is named twice`)
}
