// `reactor rules list|show|history|enable|disable|push`
import type { Command } from 'commander'
import type { ActivationView, RuleShown, RulesView, SwitchResult } from '../../protocol/rule-view.ts'
import { wholeNumber } from '../call/request.ts'
import { type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'
import { askWorker } from '../rules/ask-worker.ts'
import { historyTable } from '../rules/history.ts'
import { addPush } from '../rules/push.ts'
import { ruleFile } from '../rules/show.ts'
import { headLines, refusedLines, rulesTable } from '../rules/table.ts'
import { withClient } from '../with-client.ts'

type Options = ClientOptions & { json?: boolean }

const SHOWN = 20

export const command: AddCommand = program => {
  const rules = program
    .command('rules')
    .description('the rules in force: list, show, switch on and off, push, and what was in force before')
    .addHelpText(
      'after',
      '\nExit codes: 0, 1 there is no such rule or files do not load, 69 no job worker, 77 you may not.',
    )
  addList(rules)
  addShow(rules)
  addHistory(rules)
  addSwitch(rules, 'enable', 'switch rules on again that somebody has switched off')
  addSwitch(rules, 'disable', 'switch rules off, whatever rules come, until they are enabled')
  addPush(rules)
}

function addList(rules: Command): void {
  withClientOptions(
    rules.command('list').description('the rules in force, what became of their reactions, and the lag'),
  )
    .option('--json', 'print {bundle, at, from, rules, refused, lag} as JSON')
    .action((options: Options) =>
      withClient(options, async client => {
        const view = await askWorker<RulesView>(client, 'rules.list')
        if (options.json) return printJson(view)
        const look = tableLook()
        for (const line of [...headLines(view, Date.now()), ...refusedLines(view, look.paint)]) print(line)
        if (view.rules.length > 0) print(rulesTable(view.rules, Date.now(), look).join('\n'))
        sayMissing(view)
      }),
    )
}

function addShow(rules: Command): void {
  withClientOptions(
    rules.command('show').description('one rule, as a rule file, with what is known of it as comments before it'),
  )
    .argument('<name>')
    .option('--json', 'print the rule with its document as JSON')
    .action((name: string, options: Options) =>
      withClient(options, async client => {
        const shown = await askWorker<RuleShown>(client, 'rules.show', { name })
        if (options.json) return printJson(shown)
        print((await ruleFile(shown, Date.now())).join('\n'))
        sayMissing(shown)
      }),
    )
}

function addHistory(rules: Command): void {
  withClientOptions(rules.command('history').description('what was in force, newest first, and who switched rules'))
    .option('--limit <n>', 'at most so many', wholeNumber, SHOWN)
    .option('--json', 'print [{revision, hash, at, from, rules, changes, switched, off}] as JSON')
    .action(({ limit, ...options }: Options & { limit: number }) =>
      withClient(options, async client => {
        const all = await askWorker<ActivationView[]>(client, 'rules.history')
        const shown = all.slice(0, limit)
        if (options.json) return printJson(shown)
        if (shown.length === 0) return void process.stderr.write('no rules were ever in force\n')
        print(historyTable(shown, Date.now(), tableLook()).join('\n'))
        if (all.length > shown.length)
          process.stderr.write(`the newest ${shown.length} of ${all.length}; --limit shows more\n`)
      }),
    )
}

function addSwitch(rules: Command, name: 'enable' | 'disable', what: string): void {
  withClientOptions(rules.command(name).description(what))
    .argument('<name...>', "as 'reactor rules list' names them; all of them are switched, or none")
    .option('--reason <text>', 'why, for whoever looks later')
    .option('--json', 'print {to, switched, unchanged, bundle} as JSON')
    .action((names: string[], { reason, ...options }: Options & { reason?: string }) =>
      withClient(options, async client => {
        const kwarg = { names, ...(reason === undefined ? {} : { reason }) }
        const done = await askWorker<SwitchResult>(client, `rules.${name}`, kwarg)
        if (options.json) return printJson(done)
        for (const rule of done.switched) print(`${rule} is ${done.to}`)
        for (const rule of done.unchanged) print(`${rule} was ${done.to} already`)
      }),
    )
}

function sayMissing({ missing = [] }: Pick<RulesView, 'missing'>): void {
  for (const reason of missing) process.stderr.write(`not known: ${reason}\n`)
}
