// `reactor functions [name]`
import { Option } from 'commander'
import { ReactorError } from '../../base/errors.ts'
import { didYouMean } from '../../base/suggest.ts'
import { formatDoc } from '../../functions/doc.ts'
import { loadFunctions } from '../../functions/load.ts'
import { selectDocs } from '../../functions/registry.ts'
import type { AddCommand } from '../command.ts'
import { ALL_KINDS } from '../function-kinds.ts'
import { print, printJson } from '../out/print.ts'

export const command: AddCommand = program => {
  program
    .command('functions')
    .description('list the functions, or show the help of one, or of a module')
    .argument('[name]', 'module, or module.function; as in rules (runner.module.function) too')
    .addOption(
      new Option(
        '--kind <kind>',
        'only execution, runner or wheel functions, states, or steps of orchestrations',
      ).choices(ALL_KINDS),
    )
    .option('--module-dir <dir...>', 'folders of your own modules')
    .option('--json', 'print the docs as JSON')
    .action(async (given: string | undefined, options: { kind?: string; moduleDir?: string[]; json?: boolean }) => {
      const { kind: ofKind = options.kind, name } = readName(given)
      const kinds = ALL_KINDS.filter(kind => ofKind === undefined || ofKind === kind)
      const registries = await Promise.all(kinds.map(kind => loadFunctions(kind, options.moduleDir)))
      const docs = registries.flatMap(registry => selectDocs(registry.docs(), name))
      if (docs.length === 0) {
        const known = registries.flatMap(registry => registry.names())
        throw new ReactorError(
          'unknown_function',
          `no function or module is named '${given}'.${didYouMean(name ?? '', [...known, ...known.map(full => full.split('.')[0]!)])}`,
        )
      }
      if (options.json) printJson(docs)
      else if (name === undefined)
        for (const doc of docs) print(`${doc.kind.padEnd(13)} ${doc.name.padEnd(27)} ${doc.doc.split('\n')[0]}`)
      else print(docs.map(doc => `${doc.kind} ${formatDoc(doc)}`).join('\n\n'))
    })
}

/** Rules name functions with their kind before them, and `local` is what runs on minions. `state` is a module too. */
function readName(given: string | undefined): { kind?: string; name: string | undefined } {
  const [, kind, name] = /^(local|runner|wheel|(?:state|orchestration)(?=\.\w+\.))\.(.+)$/.exec(given ?? '') ?? []
  return kind === undefined ? { name: given } : { kind: kind === 'local' ? 'execution' : kind, name }
}
