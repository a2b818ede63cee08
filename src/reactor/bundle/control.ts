// What people see and change of the rules in force: list, show, history, switching rules on and off, push. What only others
// know (counts, lag) may be missing; it is said, and the rest is told.
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { redactSecrets } from '../../base/redact.ts'
import type { RuleCounts } from '../../protocol/reaction-view.ts'
import type {
  ActivationView,
  PartStored,
  PushRequest,
  PushResult,
  RuleChanges,
  RuleShown,
  RulesView,
  SwitchResult,
} from '../../protocol/rule-view.ts'
import type { BundleStore } from '../bundle.ts'
import type { Backlog } from './backlog.ts'
import { bundleOf, compareRules, encodeRules } from './content.ts'
import { checkPushed, unpackRules } from './push.ts'
import { notShown, refusedOf } from './refused.ts'
import type { SwitchRequest } from './switch.ts'
import { viewRules } from './view.ts'
import { writtenRule } from './written.ts'

/** What became of the reactions of every rule; whose question it is decides whether it may be told. */
export type ReadCounts = () => Promise<readonly RuleCounts[]>

export interface RulesControl {
  list(counts: ReadCounts): Promise<RulesView>
  /** Secrets in it are left out. Throws `not_found`. */
  show(name: string, counts: ReadCounts): Promise<RuleShown>
  history(): Promise<ActivationView[]>
  switch(request: SwitchRequest): Promise<SwitchResult>
  /** Throws `bad_rule` with all problems; `bad_argument`. */
  push(request: PushRequest, by: string): Promise<PushResult | PartStored>
}

export function createRulesControl(
  store: BundleStore,
  backlog: Backlog,
  facts: ReadonlySet<string> = new Set(),
): RulesControl {
  /** What of these could be asked, and why the rest could not. */
  const known = async <T extends Record<string, () => Promise<unknown>>>(asked: T) => {
    const missing: string[] = []
    const entries = await Promise.all(
      Object.entries(asked).map(async ([name, ask]) => {
        const value = await ask().catch(error => void missing.push(`${name}: ${errorMessage(error)}`))
        return [name, value] as const
      }),
    )
    const values = Object.fromEntries(entries.filter(([, value]) => value !== undefined))
    return { values: values as { [K in keyof T]?: Awaited<ReturnType<T[K]>> }, missing }
  }
  const said = (missing: string[]) => (missing.length === 0 ? {} : { missing })

  const activate = async (documents: readonly unknown[], { name, dry_run }: PushRequest, by: string) => {
    const rules = await checkPushed(documents, facts)
    const before = await store.inForce()
    const folder = await folderBefore()
    const told = (
      bundle: { hash: string; off?: readonly string[] },
      changed: boolean,
      changes: RuleChanges,
    ): PushResult => ({
      ...changes,
      bundle: bundle.hash,
      changes: changed,
      activated: changed && !dry_run,
      rules: rules.length,
      off: [...(bundle.off ?? [])],
      ...(folder === undefined ? {} : { folder }),
    })
    const planned = compareRules(before?.bundle.rules ?? [], rules)
    if (dry_run) {
      const { hash } = encodeRules(rules)
      const bundle = bundleOf({ ...(before?.activation ?? { at: 0 }), hash }, rules)
      return told(bundle, before?.bundle.hash !== hash, planned)
    }
    const done = await store.activate(rules, { kind: 'push', name, by })
    return told(done.bundle, done.changed, done.changes ?? planned)
  }
  /** Whether a reactor still feeds it is not known here. */
  const folderBefore = async (): Promise<string | undefined> =>
    (await store.history()).find(({ from }) => from?.kind === 'folder')?.from?.name

  return {
    async list(counts) {
      const found = await store.inForce()
      const { values, missing } = await known({ counts, lag: backlog.lag, refused: store.refused })
      const { lag } = values
      if (!found) return { rules: [], ...(lag ? { lag } : {}), ...said(missing) }
      const { hash, at, from } = found.activation
      return {
        bundle: hash,
        at,
        ...(from ? { from } : {}),
        rules: viewRules(found.activation, found.bundle.rules, values.counts ?? []),
        ...refusedOf(values.refused),
        ...(lag ? { lag } : {}),
        ...said(missing),
      }
    },
    async show(name, counts) {
      const found = await store.inForce()
      const documents = found?.bundle.rules ?? []
      const all = found ? viewRules(found.activation, documents, []) : []
      const view = all.find(({ rule }) => rule === name)
      const refused = async () => (await store.refused())?.files
      if (!found || !view) throw notShown(name, all, await refused())
      const { values, missing } = await known({ counts, pending: () => backlog.pending(name), refused })
      const { hash, at, from } = found.activation
      const own = values.counts?.find(({ rule }) => rule === name)
      const document = documents.find(({ rule }) => rule === name)
      const broken = values.refused?.find(({ file }) => file === view.source?.file)
      return {
        ...view,
        bundle: hash,
        at,
        ...(from ? { from } : {}),
        ...(document ? { document: redactSecrets(writtenRule(document)) as Record<string, unknown> } : {}),
        ...(broken ? { refused: broken } : {}),
        ...(own ? { counts: own } : {}),
        ...(values.pending ? { pending: values.pending } : {}),
        ...said(missing),
      }
    },
    history: store.history,
    switch: store.switch,
    async push(request, by) {
      const { rules, packed, part } = request
      if ((rules == null) === (packed == null))
        throw new ReactorError('bad_argument', `a push has either 'rules' or 'packed'`)
      if (!part) return activate(rules ?? unpackRules(packed!), request, by)
      if (packed == null) throw new ReactorError('bad_argument', `a 'part' is one of 'packed'`)
      const { upload, index, of } = part
      if (index >= of) throw new ReactorError('bad_argument', `part ${index} of ${of}: parts count from 0`)
      if (index < of - 1) {
        await store.parts.putPart(upload, index, packed)
        return { stored: index, of }
      }
      const before = await store.parts.joinParts(upload, of - 1)
      try {
        return await activate(unpackRules(before + packed), request, by)
      } finally {
        await store.parts.dropParts(upload)
      }
    },
  }
}
