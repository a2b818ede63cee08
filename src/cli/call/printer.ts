// What `reactor call` prints of returns, of those who gave none, and its exit code, for one job or many.
import { isObject } from '../../base/json.ts'
import type { Unanswered } from '../../call/unanswered.ts'
import type { JobReturn } from '../../protocol/job.ts'
import { createReturnPrinter, forPeople, type OutOptions } from '../out/format.ts'
import { print, printJson } from '../out/print.ts'
import type { Progress } from '../out/progress.ts'

export interface PrinterOptions extends OutOptions {
  /** Gather all into one. */
  static?: boolean
  /** Returns are helps, by function. */
  doc?: boolean
  verbose?: boolean
  summary?: boolean
}

export interface CallPrinter {
  /** A line for the person: among nested returns, else beside them. */
  say(line: string): void
  executing(jid: string): void
  returned(returned: JobReturn): void
  unanswered(unanswered: Unanswered): void
  /** What was gathered, and the summary. The exit code. */
  finish(): number
  /** What was gathered, where the caller has stopped to wait. */
  leave(): void
}

const RULE = '-'.repeat(43)
export const FAILED = 'ERROR: Minions returned with non-zero exit code'

export async function createCallPrinter(options: PrinterOptions, progress: Progress): Promise<CallPrinter> {
  const printReturns = await createReturnPrinter(options)
  const gathers = options.static === true || options.json === true
  const readable = forPeople(options)
  const gathered = new Map<string, unknown>()
  const docs = new Map<string, unknown>()
  const failed: string[] = []
  const missed: Unanswered[] = []
  let returned = 0

  const beside = (write: () => void) => {
    progress.clear()
    write()
    progress.changed()
  }
  const say = (line: string) =>
    beside(() => {
      if (readable) print(line)
      else process.stderr.write(`${line}\n`)
    })
  /** Of one call, so of one function. */
  let of: string | undefined
  const show = (id: string, value: unknown, failure: boolean, fun?: string) => {
    of = fun ?? of
    if (gathers) gathered.set(id, value)
    else beside(() => printReturns({ [id]: value }, failure, fun))
  }
  const showGathered = () => {
    const all = Object.fromEntries([...gathered].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (options.json) printJson(all)
    else if (options.static) printReturns(all, failed.length > 0, of)
  }
  const lines = (text: readonly string[]) => {
    for (const line of text) say(line)
  }
  return {
    say,
    executing: jid => lines([`Executing job with jid ${jid}`, RULE, '']),
    returned({ id, fun, return: value, success }) {
      returned++
      if (!success) failed.push(id)
      if (options.doc && readable && isObject(value))
        for (const [name, doc] of Object.entries(value)) docs.set(name, doc)
      else show(id, value, !success, fun)
    },
    unanswered(one) {
      missed.push(one)
      show(one.id, one.text, true)
    },
    finish() {
      progress.stop()
      showGathered()
      for (const name of [...docs.keys()].sort()) print(`${name}:\n\n${String(docs.get(name))}\n`)
      if (options.summary) lines(summary(returned, failed, missed, options.verbose === true))
      if (failed.length === 0 && missed.length === 0) return 0
      process.stderr.write(`${FAILED}\n`)
      return 1
    },
    leave() {
      progress.stop()
      showGathered()
    },
  }
}

/** Salt's block; with the names of the minions where more is wanted. */
export function summary(
  returned: number,
  failed: readonly string[],
  missed: readonly Unanswered[],
  names: boolean,
): string[] {
  const named = (label: string, ids: readonly string[]) =>
    names && ids.length > 0 ? [`${label}: ${ids.join(' ')}`] : []
  const of = (...whys: Unanswered['why'][]) => missed.filter(({ why }) => whys.includes(why)).map(({ id }) => id)
  return [
    '',
    RULE,
    'Summary',
    RULE,
    `# of minions targeted: ${returned + missed.length}`,
    `# of minions returned: ${returned}`,
    `# of minions that did not return: ${missed.length}`,
    `# of minions with errors: ${failed.length}`,
    ...named('Minions not connected', of('offline', 'missing', 'lost')),
    ...named('Minions not responding', of('silent', 'over')),
    ...named('Minions that refused the job', of('refused')),
    ...named('Minions with failures', failed),
    RULE,
  ]
}
