// A rule document compiled once: `decide` runs per event whose tag matches, `render` per event that is decided on.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { reactorFailed } from '../../protocol/catalogue/rules.ts'
import type { ReactionAction } from '../../protocol/job.ts'
import type { ReactionPolicy } from '../../protocol/reaction.ts'
import { failureRule } from '../../protocol/rule-name.ts'
import { SOURCE, type Sources } from '../../protocol/trust.ts'
import { compileAction } from './compile-action.ts'
import { compileConditions } from './conditions.ts'
import type { Facts, Lookup } from './facts.ts'
import { parseGlob, splitGlobs } from './glob.ts'
import { distinct, lookupsIn } from './lookups.ts'
import { policyOf } from './policy.ts'
import { type MODES, type RuleDocument, ruleDocumentSchema } from './schema.ts'
import { compileStateful, type Stateful } from './stateful.ts'
import { statefulKey, vocabularyOf } from './vocabulary.ts'

export type { Facts, Lookup } from './facts.ts'
export type { Stateful } from './stateful.ts'

export interface CompiledRule {
  readonly rule: string
  readonly document: RuleDocument
  readonly priority: number
  /** Where it wants an event, rules of lower priority do not get it. */
  readonly stop: boolean
  readonly mode: (typeof MODES)[number]
  /** How often it may be met again in its own chain of causes. */
  readonly recursion: number
  /** Undefined: all of it is the default. */
  readonly policy: ReactionPolicy | undefined
  /** It folds events in order: `stateful` says how. */
  readonly windowed: boolean
  readonly stateful: Stateful | undefined
  /**
   * Facts to look up before `decide` and `render`; mostly none. Of a windowed rule its templates alone name any, so that
   * they are looked up before `render`, when it is known what to do.
   */
  readonly lookups: readonly Lookup[]
  /** False: the conditions fail whatever the look-ups give. Never throws. */
  mayHold(facts: Facts): boolean
  /** Whether the rule's conditions hold; of `all_of`, those at its top. Never throws. */
  decide(facts: Facts): boolean
  /**
   * What the rule asks for, constants shared between calls; values made of `untrusted` sources, and of what was gathered
   * beside the event, are listed in each action. Throws `template` naming rule, action, path, expression.
   */
  render(facts: Facts, untrusted: Sources): ReactionAction[]
  /** Its `on_failure`, as a rule on the event of its final failure: `<rule>:on_failure`. */
  readonly onFailure?: CompiledRule
}

export interface CompileOptions {
  /** Names of the user's own facts. */
  facts?: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

/** Throws `bad_rule` naming the rule, its file and line. */
export function compileRule(document: RuleDocument, { facts = NONE }: CompileOptions = {}): CompiledRule {
  const parsed = ruleDocumentSchema.safeParse(document)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ReactorError('bad_rule', `no rule document: ${issue!.path.join('.')}: ${issue!.message}`)
  }
  try {
    const compiled = compile(document, 'do', facts)
    return document.on_failure
      ? { ...compiled, onFailure: compile(failureDocument(document), 'on_failure', facts) }
      : compiled
  } catch (error) {
    const place = `${document.source.file}:${document.source.line}: rule '${document.rule}'`
    throw new ReactorError('bad_rule', `${place}: ${errorMessage(error)}`, { rule: document.rule }, error)
  }
}

/** Executed as the rule itself is; that it fails in turn causes nothing more. */
function failureDocument({ rule, on_failure, source, ...rest }: RuleDocument): RuleDocument {
  const { mode, priority, retry, concurrency, max_targets, on_unknown, recursion } = rest
  return {
    rule: failureRule(rule),
    on: [reactorFailed.tag({ rule })],
    do: on_failure!,
    ...(mode && { mode }),
    ...(priority !== undefined && { priority }),
    ...(retry && { retry }),
    ...(concurrency !== undefined && { concurrency }),
    ...(max_targets !== undefined && { max_targets }),
    ...(on_unknown && { on_unknown }),
    ...(recursion !== undefined && { recursion }),
    source,
  }
}

function compile(document: RuleDocument, part: 'do' | 'on_failure', facts: ReadonlySet<string>): CompiledRule {
  const { include, exclude } = splitGlobs(document.on)
  for (const glob of [...include, ...exclude]) parseGlob(glob)
  const whenVocabulary = vocabularyOf('when', facts, statefulKey(document))
  const when = document.when === undefined ? undefined : compileConditions(document.when, whenVocabulary)
  const actions = document.do.map((action, index) => compileAction(document.rule, action, `${part}[${index}]`, facts))
  const stateful = compileStateful(document, whenVocabulary)
  return {
    rule: document.rule,
    document,
    priority: document.priority ?? 0,
    stop: document.stop ?? false,
    mode: document.mode ?? 'live',
    recursion: document.recursion ?? 0,
    policy: policyOf(document),
    windowed: stateful !== undefined,
    stateful,
    lookups: distinct([...(when?.lookups ?? []), ...document.do.flatMap(({ params }) => lookupsIn(params, facts))]),
    mayHold: when?.mayHold ?? always,
    decide: when?.decide ?? always,
    render(given, untrusted) {
      const names = namesOf(given)
      const sources = untrusted | SOURCE.gathered
      return actions.map(render => render(names, sources))
    },
  }
}

function always(): boolean {
  return true
}

type Names = Readonly<Record<string, unknown>>

/** All of one event have the same shape, those with nothing gathered above all: templates read names by it. */
function namesOf({ tag, data, origin, stamp, minion, job, window, failure, own }: Facts): Names {
  if (job === undefined && window === undefined && failure === undefined && own === undefined)
    return { tag, data, origin, stamp, minion }
  return { ...own, tag, data, origin, stamp, minion, job, window, failure }
}
