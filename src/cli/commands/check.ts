// `reactor check [path]`
import { loadConfig } from '../../config/load.ts'
import { checkRules } from '../../reactor/check.ts'
import { loadKnown } from '../../reactor/known.ts'
import { formatProblems, oneLine } from '../../reactor/rules/problem.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson } from '../out/print.ts'

interface CheckOptions {
  config?: string
  moduleDir?: string[]
  json?: boolean
}

export const command: AddCommand = program => {
  program
    .command('check')
    .description('check rule files without running them; exit code 0 when all of them load, 1 when one does not')
    .argument('[path]', 'folder or file of rules', 'reactors')
    .option('--config <file>', 'config file: its module_dirs hold functions of your own, and rules name its profiles')
    .option('--module-dir <dir...>', 'folders of your own modules')
    .option('--json', 'print {ok, files, rules, problems, warnings} as JSON')
    .action(async (path: string, options: CheckOptions) => {
      const { module_dirs, profiles } = await loadConfig(options.config, { module_dirs: options.moduleDir })
      const known = await loadKnown(module_dirs, options.config === undefined ? undefined : profiles)
      const { files, rules, problems, warnings } = await checkRules(path, known)
      const none = rules.length === 0 && problems.length === 0 ? [`no rules in ${path}`] : []
      const ok = problems.length + none.length === 0
      if (options.json) {
        const nowhere = none.map(message => ({ file: path, line: 1, column: 1, message }))
        const found = rules.map(({ rule, on, source }) => ({ rule, on, ...source }))
        printJson({ ok, files, rules: found, problems: [...problems, ...nowhere], warnings })
      } else {
        const warned = formatProblems(warnings).map(line => `warning: ${line}`)
        for (const line of [...warned, ...formatProblems(problems), ...none.map(oneLine)])
          process.stderr.write(`${line}\n`)
        const where = `in ${count(files.length, 'file')}`
        if (ok) print(`${count(rules.length, 'rule')} ${where} ${rules.length === 1 ? 'is' : 'are'} fine`)
        else if (problems.length > 0) print(`${count(problems.length, 'problem')} ${where}`)
      }
      process.exitCode = ok ? 0 : 1
    })
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
