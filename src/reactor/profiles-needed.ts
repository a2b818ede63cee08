// Which profiles of the config the rules name, so that a missing one is said when they load and not when they fire.
import { isObject } from '../base/json.ts'
import type { RuleDocument } from './rules/schema.ts'

export interface NeededProfile {
  rule: string
  kind: 'smtp' | 'http'
  profile: string
}

const KIND_OF: Readonly<Record<string, NeededProfile['kind']>> = { 'smtp.send_msg': 'smtp', 'http.query': 'http' }

/** Profiles named in plain text by actions that run on a job worker. */
export function profilesNeeded(rules: readonly RuleDocument[]): NeededProfile[] {
  return rules.flatMap(({ rule, do: actions, on_failure = [] }) =>
    [...actions, ...on_failure].flatMap(({ kind, fun, params }) => {
      const profileKind = kind === 'runner' ? KIND_OF[fun] : undefined
      const profile = isObject(params) ? params.profile : undefined
      const plain = typeof profile === 'string' && !profile.includes('{{')
      return profileKind && plain ? [{ rule, kind: profileKind, profile }] : []
    }),
  )
}
