// Feeds a folder of rule files into the bundle, at start and at every change. A file that does not load is refused and
// said; the last good version of its rules goes on, over restarts too, since the bundle that it has made holds it.
import { stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { watch } from 'chokidar'
import { errorMessage, ReactorError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import type { RefusedFile } from '../protocol/rule-view.ts'
import { boundedRefusal, refusedFiles } from './bundle/refused.ts'
import type { BundleStore } from './bundle.ts'
import { type LoadOptions, loadRuleFolder } from './rules/load.ts'
import { formatProblems, type RuleProblem } from './rules/problem.ts'
import type { ActionCheck, ActionFinding } from './rules/read-text.ts'
import type { RuleDocument } from './rules/schema.ts'

export interface Fed {
  /** All that the folder has, by their names below it. */
  files: string[]
  rules: RuleDocument[]
  problems: RuleProblem[]
  /** The files that have them, by their names below the folder. */
  refused: RefusedFile[]
  /** About rules that are in force all the same. */
  warnings: RuleProblem[]
  /** Files whose last good version goes on. */
  kept: string[]
  /** Files that are being written right now. */
  unsettled: string[]
}

/** The rules of a folder, with the last good rules of files that do not load. Pure but for reading the folder. */
export async function readRules(
  folder: string,
  lastGood: readonly RuleDocument[],
  options: Omit<LoadOptions, 'inForce'> = {},
): Promise<Fed> {
  const base = (await stat(folder)).isDirectory() ? folder : dirname(folder)
  const inForce = lastGood.map(rule => ({ ...rule, source: { ...rule.source, file: join(base, rule.source.file) } }))
  const loaded = await loadRuleFolder(folder, { ...options, inForce })
  const name = (file: string) => relative(base, resolve(file))
  const broken = new Set([...loaded.problems.map(problem => problem.file), ...loaded.unsettled].map(name))
  const fresh = loaded.rules
    .map(rule => ({ ...rule, source: { ...rule.source, file: name(rule.source.file) } }))
    .filter(rule => !broken.has(rule.source.file))
  const taken = new Set(fresh.map(rule => rule.rule))
  const kept = lastGood.filter(rule => broken.has(rule.source.file) && !taken.has(rule.rule))
  const unsettled = loaded.unsettled.map(name)
  const goingOn = [...new Set(kept.map(rule => rule.source.file))].filter(file => !unsettled.includes(file))
  return {
    files: loaded.files.map(name),
    rules: [...fresh, ...kept].sort((a, b) => (a.rule < b.rule ? -1 : 1)),
    problems: loaded.problems,
    refused: refusedFiles(
      loaded.problems.map(problem => ({ ...problem, file: name(problem.file) })),
      goingOn,
    ),
    warnings: loaded.warnings,
    kept: goingOn,
    unsettled,
  }
}

export interface FeederParts {
  folder: string
  store: BundleStore
  log: Log
  /** What is known of the functions that rules call; here all of it is a warning. */
  checkAction?: ActionCheck
  /** Names of the user's own facts. */
  facts?: ReadonlySet<string>
  /** Told after each load. */
  onFed?(fed: Fed, hash: string): void
}

/** A file is whole once it has not grown for so long; several that change together are loaded together. */
const WRITE_SETTLE_MS = 120
const WRITE_POLL_MS = 25
const SETTLE_MS = 30
const RETRY_MS = 1000

/** Resolves once the folder's rules are in force. Throws `bad_rule` where the folder cannot be read at all. */
export async function startFeeder({ folder, store, log, checkAction, facts, onFed }: FeederParts): Promise<Running> {
  const from = { kind: 'folder', name: resolve(folder) } as const
  let lastGood = await lastGoodOf(store, from.name, log)
  let timer: NodeJS.Timeout | undefined
  let work: Promise<void> = Promise.resolve()
  let stopped = false
  let failing = false
  let said = ''
  let refused: readonly RefusedFile[] = []

  const feed = async (settleMs: number) => {
    const fed = await readRules(folder, lastGood, {
      settleMs,
      ...(facts ? { facts } : {}),
      ...(checkAction ? { checkAction: action => checkAction(action).map(asWarning) } : {}),
    })
    sayProblems(fed)
    const { bundle, changed } = await store.activate(fed.rules, from)
    lastGood = fed.rules
    await noteRefused(fed, bundle.hash)
    if (failing) log.info({ folder }, 'the rules are loaded again')
    failing = false
    if (changed) log.debug({ rules: fed.rules.length, bundle: bundle.hash }, 'rules loaded')
    for (const file of fed.kept) log.warn({ file }, 'the last good version of its rules goes on')
    onFed?.(fed, bundle.hash)
    if (fed.unsettled.length > 0) feedIn(WRITE_SETTLE_MS)
  }
  const noteRefused = async (fed: Fed, bundle: string) => {
    const before = refused
    // What was wrong with a file that is being written may be so still.
    const now = [...fed.refused, ...before.filter(({ file }) => fed.unsettled.includes(file))]
    await store.refuse({ bundle, folder: from.name, ...boundedRefusal(now) })
    refused = now
    for (const { file } of before) {
      if (now.some(one => one.file === file)) continue
      log.info({ file }, fed.files.includes(file) ? 'the file loads again' : 'a file that was refused is gone')
    }
  }
  const sayProblems = ({ problems, warnings }: Fed) => {
    const [errors, others] = [formatProblems(problems), formatProblems(warnings)]
    const all = [...errors, ...others].join('\n')
    // A feed that is tried again has the same to say.
    if (failing && all === said) return
    said = all
    for (const line of errors) log.error(line)
    for (const line of others) log.warn(line)
  }
  const tryAgain = (error: unknown) => {
    if (!failing) log.error({ error: errorMessage(error) }, 'the rules could not be loaded again; those in force go on')
    failing = true
    // A change of the folder that came meanwhile is sooner.
    if (timer === undefined) feedIn(RETRY_MS)
  }
  const feedIn = (ms: number) => {
    clearTimeout(timer)
    if (stopped) return
    timer = setTimeout(() => {
      timer = undefined
      // A file that another one's change finds half written is younger than one whose own writing has ended.
      work = work.then(() => feed(WRITE_SETTLE_MS - WRITE_POLL_MS)).catch(tryAgain)
    }, ms)
  }

  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: path => /(^|[/\\])\.[^/\\.]/.test(relative(folder, path)),
    awaitWriteFinish: { stabilityThreshold: WRITE_SETTLE_MS, pollInterval: WRITE_POLL_MS },
  })
  watcher.on('error', error => log.error({ error: errorMessage(error) }, `the folder ${folder} cannot be watched`))
  await new Promise<void>(ready => watcher.once('ready', ready))
  await feed(0)
  watcher.on('all', () => feedIn(SETTLE_MS))
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await watcher.close()
      await work
    },
  }
}

/** What the folder gave last: the bundle in force, or where somebody has pushed another, the one before it. */
async function lastGoodOf(store: BundleStore, folder: string, log: Log): Promise<RuleDocument[]> {
  const found = await store.inForce()
  if (found?.activation.from?.kind !== 'push') return found?.bundle.rules ?? []
  const fed = (await store.history()).find(({ from }) => from?.kind === 'folder' && from.name === folder)
  if (!fed) return []
  return store.load(fed.hash).catch(error => {
    log.warn({ bundle: fed.hash, error: errorMessage(error) }, 'the last good rules of the folder cannot be read')
    return []
  })
}

const asWarning = (finding: ActionFinding): ActionFinding => ({ ...finding, warning: true })

/** Refuses a folder that is not there, with what to do. */
export async function requireFolder(folder: string): Promise<void> {
  await stat(folder).catch(() => {
    throw new ReactorError(
      'bad_rule',
      `the rules folder ${folder} does not exist: make it, or name another with --rules DIR`,
    )
  })
}
