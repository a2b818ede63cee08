// Which profiles of the config the rules name, so that a missing one is said when they load and not when they fire.
import { httpQuery } from '../alerts/http.ts'
import { knownProfiles } from '../alerts/pick-profile.ts'
import { sendMsg } from '../alerts/smtp.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Profiles } from '../functions/context.ts'
import { readParams } from './rules/params.ts'
import type { Path } from './rules/path.ts'
import type { ActionCheck } from './rules/read-text.ts'
import type { RuleAction, RuleDocument } from './rules/schema.ts'
import { isConstant } from './rules/template.ts'

export interface NeededProfile {
  rule: string
  kind: ProfileKind
  profile: string
}

type ProfileKind = 'smtp' | 'http'
/** As the config has them. */
type ProfilesByKind = Readonly<Record<ProfileKind, Profiles>>

const TAKING: Readonly<Record<string, { kind: ProfileKind; args: string[] }>> = {
  'smtp.send_msg': { kind: 'smtp', args: Object.keys(sendMsg.args ?? {}) },
  'http.query': { kind: 'http', args: Object.keys(httpQuery.args ?? {}) },
}

/** Profiles named in plain text by actions that run on a job worker. */
export function profilesNeeded(rules: readonly RuleDocument[]): NeededProfile[] {
  return rules.flatMap(({ rule, do: actions, on_failure = [] }) =>
    [...actions, ...on_failure].flatMap(action => {
      const named = profileNamed(action)
      return named ? [{ rule, kind: named.kind, profile: named.profile }] : []
    }),
  )
}

/** Those of them that the config lacks. */
export const profilesMissing = (rules: readonly RuleDocument[], known: ProfilesByKind): NeededProfile[] =>
  profilesNeeded(rules).filter(({ kind, profile }) => !Object.hasOwn(known[kind], profile))

/** Warns of each where it stands: what else the rule does goes on without it. */
export function createProfileCheck(known: ProfilesByKind): ActionCheck {
  return action => {
    const named = profileNamed(action)
    if (!named || Object.hasOwn(known[named.kind], named.profile)) return []
    const { kind, profile, path } = named
    const names = Object.keys(known[kind])
    const others = names.length > 0 ? ` ${knownProfiles(kind, known[kind])}` : ''
    const hint = `${didYouMean(profile, names)}${others}`
    const message = `${action.kind}.${action.fun} would fail: the config has no ${kind} profile '${profile}'.${hint}`
    return [{ path, message, warning: true }]
  }
}

/** `path` begins at the action's parameters. What a template gives is not known before an event comes. */
function profileNamed({ kind, fun, params }: RuleAction): (Omit<NeededProfile, 'rule'> & { path: Path }) | undefined {
  const taking = kind === 'runner' && Object.hasOwn(TAKING, fun) ? TAKING[fun] : undefined
  if (!taking) return undefined
  const { arg, kwarg } = readParams(kind, params, () => undefined)
  const given = kwarg.find(({ name }) => name === 'profile') ?? arg[taking.args.indexOf('profile')]
  if (typeof given?.value !== 'string' || !isConstant(given.value)) return undefined
  return { kind: taking.kind, profile: given.value, path: given.path }
}
