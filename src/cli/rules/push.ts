// `reactor rules push`: files are loaded and checked as `reactor check` does, then sent, in parts where they are larger than
// a message.
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Command } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { maxPayload } from '../../bus/max-payload.ts'
import { loadConfig } from '../../config/load.ts'
import type { PartStored, PushResult } from '../../protocol/rule-view.ts'
import { checkRules } from '../../reactor/check.ts'
import { loadKnown } from '../../reactor/known.ts'
import { formatProblems, oneLine } from '../../reactor/rules/problem.ts'
import type { RuleDocument } from '../../reactor/rules/schema.ts'
import { type Client, type ClientOptions, withClientOptions } from '../client.ts'
import { print, printJson } from '../out/print.ts'
import { withClient } from '../with-client.ts'
import { askWorker } from './ask-worker.ts'

interface PushOptions extends ClientOptions {
  dryRun?: boolean
  name?: string
  config?: string
  moduleDir?: string[]
  json?: boolean
}

/** Beside the rules a request has its arguments' names and headers. */
const FRAME_BYTES = 8192
const LONGEST_NAME = 200
const MOST_LISTED = 20

export function addPush(rules: Command): void {
  withClientOptions(
    rules
      .command('push')
      .description('make the rules of a folder or file those in force, in the place of all that are'),
  )
    .argument('<path>', 'folder or file of rules')
    .option('--dry-run', 'only show what would be added, changed and removed')
    .option('--name <text>', 'what the history shows them as (default: the path)')
    .option('--config <file>', 'config file: its module_dirs hold functions of your own, and rules name its profiles')
    .option('--module-dir <dir...>', 'folders of your own modules')
    .option('--json', 'print {bundle, changes, activated, rules, added, changed, removed, off, folder} as JSON')
    .action(async (path: string, options: PushOptions) => {
      const loaded = await loadChecked(path, options)
      await withClient(options, async client => {
        const dry_run = options.dryRun ?? false
        const name = (options.name ?? resolve(path)).slice(0, LONGEST_NAME)
        const result = await sendRules(client, loaded, { name, dry_run })
        if (options.json) return printJson(result)
        for (const line of resultLines(result, dry_run)) print(line)
        for (const note of notes(result)) process.stderr.write(`${note}\n`)
      })
    })
}

/** The rules, each with its file as it is named below the path. Throws `bad_rule` with every problem at its place. */
async function loadChecked(path: string, options: PushOptions): Promise<RuleDocument[]> {
  const { module_dirs, profiles } = await loadConfig(options.config, { module_dirs: options.moduleDir })
  const known = await loadKnown(module_dirs, options.config === undefined ? undefined : profiles)
  const { rules, problems, warnings } = await checkRules(path, known)
  for (const line of formatProblems(warnings)) process.stderr.write(`warning: ${line}\n`)
  if (problems.length > 0)
    throw new ReactorError('bad_rule', [...formatProblems(problems), 'nothing was pushed'].join('\n'))
  if (rules.length === 0) throw new ReactorError('bad_rule', `no rules in ${oneLine(path)}: nothing was pushed`)
  const base = (await stat(path)).isDirectory() ? path : dirname(path)
  return rules.map(rule => ({ ...rule, source: { ...rule.source, file: relative(base, resolve(rule.source.file)) } }))
}

/** Sends them whole where they fit a message, else part after part. */
export async function sendRules(
  client: Client,
  rules: readonly RuleDocument[],
  named: { name: string; dry_run: boolean },
): Promise<PushResult> {
  const packed = (await promisify(gzip)(JSON.stringify(rules))).toString('base64')
  const size = maxPayload(client.bus.nc) - FRAME_BYTES
  const of = Math.ceil(packed.length / size)
  if (of === 1) return askWorker<PushResult>(client, 'rules.push', { packed, ...named })
  const upload = randomBytes(12).toString('hex')
  for (let index = 0; index < of - 1; index++) {
    const part = { upload, index, of }
    const share = packed.slice(index * size, (index + 1) * size)
    await askWorker<PartStored>(client, 'rules.push', { packed: share, part, ...named })
  }
  const last = { upload, index: of - 1, of }
  return askWorker<PushResult>(client, 'rules.push', { packed: packed.slice((of - 1) * size), part: last, ...named })
}

function resultLines(result: PushResult, dry: boolean): string[] {
  const { added, changed, removed, bundle, rules } = result
  const listed = (sign: string, names: readonly string[]) => [
    ...names.slice(0, MOST_LISTED).map(name => `${sign} ${oneLine(name)}`),
    ...(names.length > MOST_LISTED ? [`${sign} … and ${names.length - MOST_LISTED} more`] : []),
  ]
  const count = `${rules} ${rules === 1 ? 'rule' : 'rules'}`
  const sum = `${added.length} added, ${changed.length} changed, ${removed.length} removed`
  const last = result.changes
    ? `${count} ${dry ? 'would be' : rules === 1 ? 'is' : 'are'} in force as bundle ${bundle}: ${sum}`
    : `${count}: the same are in force already, as bundle ${bundle}`
  return [...listed('+', added), ...listed('~', changed), ...listed('-', removed), last]
}

function notes({ off, folder, changes }: PushResult): string[] {
  return [
    ...(off.length > 0 ? [`switched off by somebody, and still so: ${off.map(oneLine).join(', ')}`] : []),
    ...(changes && folder !== undefined
      ? [
          `the rules of the folder ${oneLine(folder)} were in force before: where a reactor feeds it, its next change or start puts them back`,
        ]
      : []),
  ]
}
