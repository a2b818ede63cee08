// What the tests of targets share: minions, a context without nodegroups, and what a refusal says.
import { ReactorError } from '../../../src/base/errors.ts'
import type { TargetContext, TargetMinion } from '../../../src/protocol/target.ts'

export const CONTEXT: TargetContext = { nodegroups: {}, pillar: false }

export const minion = (
  id: string,
  grains: Record<string, unknown> = {},
  pillar?: Record<string, unknown>,
): TargetMinion => ({
  id,
  grains,
  ...(pillar ? { pillar } : {}),
})

export const idsOf = (fleet: readonly TargetMinion[]): string[] => fleet.map(({ id }) => id).sort()

/** The message with which it was refused as a bad argument, or `accepted`; anything else that is thrown goes on. */
export function refusal(resolve: () => unknown): string {
  try {
    resolve()
    return 'accepted'
  } catch (error) {
    if (error instanceof ReactorError && error.code === 'bad_argument') return error.message
    throw error
  }
}
