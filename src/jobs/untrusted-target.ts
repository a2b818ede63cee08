// What came with an event may name minions in a target and say nothing else there.
import { ReactorError } from '../base/errors.ts'
import { untrustedTargetProblem, type ValuePath } from '../protocol/trust.ts'

/** Throws `bad_argument` where an untrusted value would be more in the target than an id. */
export function requireIds(
  { tgt, tgt_type }: { tgt: string | string[]; tgt_type: string },
  { untrusted = [], user }: { untrusted?: readonly ValuePath[] | undefined; user: string },
): void {
  const paths = untrusted.flatMap(([part, ...path]) => (part === 'tgt' ? [path] : []))
  const problem = untrustedTargetProblem(tgt, tgt_type, paths)
  if (problem === undefined) return
  throw new ReactorError(
    'bad_argument',
    `the target holds a value from the event of ${user}: ${problem}; to take it as it is, write {{ … | allow_untrusted }}`,
    { untrusted: true },
  )
}
