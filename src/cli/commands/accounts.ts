// `reactor accounts init`
import { relative } from 'node:path'
import type { AccountsFolder } from '../../bus/server/accounts-folder.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson } from '../out/print.ts'

interface Options {
  dir: string
  namespace?: string
  json?: boolean
}

/** Who needs which seed, and how it is told: by a setting of the config, or by `--seed`, which is the setting `seed`. */
const PLACES: readonly { seed: string; process: string; setting: string }[] = [
  { seed: 'master', process: 'reactor master', setting: 'seed' },
  { seed: 'callout', process: 'reactor master', setting: 'master.callout.seed' },
  { seed: 'issuer', process: 'reactor master', setting: 'master.callout.issuer' },
  { seed: 'reactor', process: 'reactor react', setting: 'seed' },
  { seed: 'jobs', process: 'reactor worker jobs', setting: 'seed' },
  { seed: 'schedule', process: 'reactor worker schedule', setting: 'seed' },
  { seed: 'cache', process: 'reactor worker cache', setting: 'seed' },
  { seed: 'admin', process: 'the operator admin', setting: 'seed' },
]

export const command: AddCommand = program => {
  const accounts = program.command('accounts').description('accounts and keys for a NATS server of your own')
  accounts
    .command('init')
    .description(
      'make the keys of services and admin, and the accounts that a nats-server includes; keys that are there stay',
    )
    .option('--dir <dir>', 'folder of the files', 'accounts')
    .option('--namespace <name>', 'first token of every subject (default: the one that the folder has, or reactor)')
    .option('--json', 'print what there is as JSON')
    .addHelpText('after', '\nExit codes: 0 made or there, 73 cannot be written, 78 a file that holds no seed.')
    .action(async ({ dir, namespace, json }: Options) => {
      const { writeAccounts } = await import('../../bus/server/accounts-folder.ts')
      const folder = await writeAccounts(dir, namespace)
      if (json) printJson(facts(folder))
      else for (const line of lines(folder)) print(line)
    })
}

function facts({ config, outcome, namespace, identities, seedFile }: AccountsFolder) {
  return {
    namespace,
    config: { file: config, outcome },
    seeds: PLACES.map(({ seed, process, setting }) => ({ file: seedFile(seed), process, setting })),
    operators: { [identities.admin]: 'admin' },
  }
}

function lines({ config, outcome, namespace, identities, seedFile }: AccountsFolder): string[] {
  const rows = PLACES.map(({ seed, process, setting }) => [shown(seedFile(seed)), process, setting] as const)
  const width = (column: 0 | 1) => Math.max(...rows.map(row => row[column].length))
  return [
    `${shown(config)} (${outcome}, namespace ${namespace})`,
    '  beside the config of every nats-server, which includes it; no secret',
    'seeds, each for one process and readable for its user alone:',
    ...rows.map(([file, process, setting]) => `  ${file.padEnd(width(0))}  ${process.padEnd(width(1))}  ${setting}`),
    'in the config of every service:',
    `  operators: { ${identities.admin}: admin }`,
  ]
}

const shown = (file: string): string => relative(process.cwd(), file) || file
