// `reactor returners <list|show|create|clean>`: which there are, their settings, the tables that some need, and what is old in them.
import type { Command } from 'commander'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { createLog } from '../../base/log.ts'
import { loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import type { ReturnerDefinition } from '../../functions/define-returner.ts'
import { argumentDocs, formatArgument } from '../../functions/doc.ts'
import { loadProfiles } from '../../processes/profiles.ts'
import { findReturners, LOCAL, type Returners } from '../../returner/load.ts'
import { createStores } from '../../returner/open.ts'
import { optionsOf } from '../../returner/options.ts'
import { straySettings } from '../../returner/stray-settings.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson } from '../out/print.ts'
import { durationOption } from '../timeout.ts'

interface Flags {
  config?: string
  moduleDir?: string[]
  json?: boolean
}

const HELP = `
Settings are written into the config by Salt's names: 'mysql.host: db1' (docs/returners.md).

Exit codes: 0, 64 a wrong command line, 69 the store does not answer or refuses, 75 it took too long, 78 no such returner or wrong
settings.`

export const command: AddCommand = program => {
  const returners = program
    .command('returners')
    .description('stores of job results: list them, show their settings, make their tables, remove what is old')
    .addHelpText('after', HELP)
  addList(returners)
  addShow(returners)
  addCreate(returners)
  addClean(returners)
}

const withFlags = (command: Command): Command =>
  command
    .option('--config <file>', 'config file: settings of returners, and module_dirs with returners of your own')
    .option('--module-dir <dir...>', 'folders of your own modules')

const read = async ({ config: file, moduleDir }: Flags) => {
  const config = await loadConfig(file, { module_dirs: moduleDir })
  const returners = await findReturners(config.module_dirs)
  for (const words of await straySettings(config.returner_settings, returners))
    process.stderr.write(`warning: ${words}\n`)
  return { config, returners }
}

const shown = (name: string, { doc, can, options }: ReturnerDefinition) => ({
  ...{ name, can },
  doc: doc
    .split('\n')
    .map(line => line.trim())
    .join('\n'),
  settings: argumentDocs(options).map(setting => ({ ...setting, name: `${name}.${setting.name}` })),
})

function addList(returners: Command): void {
  withFlags(returners.command('list').description('the returners that there are, and what each can do'))
    .option('--json', 'print [{name, doc, can, settings}] as JSON')
    .action(async (flags: Flags) => {
      const { returners } = await read(flags)
      const all = await Promise.all(returners.names().map(async name => shown(name, await returners.load(name))))
      if (flags.json) return printJson(all)
      print(`${LOCAL.padEnd(14)} The job cache that is there without any.`)
      for (const { name, doc, can } of all)
        print(`${name.padEnd(14)} ${doc.split('\n')[0]}\n${' '.repeat(15)}${can.join(' ')}`)
    })
}

function addShow(returners: Command): void {
  withFlags(returners.command('show').description('what a returner does, and its settings'))
    .argument('<name>')
    .option('--json', 'print {name, doc, can, settings} as JSON')
    .action(async (name: string, flags: Flags) => {
      requireReturner(name)
      const { returners } = await read(flags)
      const one = shown(name, await returners.load(name))
      if (flags.json) return printJson(one)
      const settings = one.settings.map(setting => `    ${formatArgument(setting)}`)
      print([name, '', ...one.doc.split('\n').map(line => `    ${line}`.trimEnd()), '', ...settings].join('\n'))
      print(`\n    can: ${one.can.join(' ')}`)
    })
}

function addCreate(returners: Command): void {
  withFlags(returners.command('create').description('make what a returner needs in its store, such as tables'))
    .argument('<name>')
    .option('--return-config <name>', "take the settings under this name first: 'other' means other.mysql.host")
    .option('--json', 'print {done: […]} as JSON')
    .action(async (name: string, flags: Flags & { returnConfig?: string }) => {
      requireReturner(name)
      const { config, returners } = await read(flags)
      requireAlternative(flags, config)
      const definition = await returners.load(name)
      if (!definition.create)
        throw new ReactorError('usage', `the returner '${name}' needs nothing made: it has no tables`)
      const options = optionsOf(name, definition, config.returner_settings, { return_config: flags.returnConfig })
      const { context, stores } = await storesOf(config, returners)
      try {
        const done = await inStore(name, definition.create(options, { ...context, open: stores.open }))
        if (flags.json) printJson({ done })
        else print(done.length === 0 ? 'everything is there already' : done.join('\n'))
      } finally {
        await stores.close()
      }
    })
}

function addClean(returners: Command): void {
  withFlags(returners.command('clean').description('remove old jobs with their returns, and old events, from a store'))
    .argument('<name>')
    .addOption(durationOption('--older-than <duration>', 'what is older goes: 30d, 12h').makeOptionMandatory())
    .option('--return-config <name>', "take the settings under this name first: 'other' means other.mysql.host")
    .option('--json', 'print {removed} as JSON: how many jobs')
    .action(async (name: string, flags: Flags & { returnConfig?: string; olderThan: number }) => {
      requireReturner(name)
      const { config, returners } = await read(flags)
      requireAlternative(flags, config)
      const { stores } = await storesOf(config, returners)
      try {
        const store = await stores.open(name, { return_config: flags.returnConfig }, ['clean_old_jobs'])
        const removed = await inStore(name, store.clean_old_jobs!(Date.now() - flags.olderThan))
        if (flags.json) printJson({ removed })
        else
          print(`removed ${removed} ${removed === 1 ? 'job' : 'jobs'} with ${removed === 1 ? 'its' : 'their'} returns`)
      } finally {
        await stores.close()
      }
    })
}

function requireReturner(name: string): void {
  if (name !== LOCAL) return
  throw new ReactorError(
    'usage',
    `'${LOCAL}' is the job cache, which has no tables and cleans itself: 'cache.keep_jobs' in the config says when (docs/jobs.md)`,
  )
}

/** Under a name that is misspelt there is nothing, and the settings of another store would be taken. */
function requireAlternative({ returnConfig, config: file }: Flags & { returnConfig?: string }, config: Config): void {
  if (returnConfig === undefined) return
  if (Object.keys(config.returner_settings).some(key => key.startsWith(`${returnConfig}.`))) return
  const where = file ?? 'there is no --config, which'
  throw new ReactorError('bad_config', `--return-config '${returnConfig}': ${where} has no setting '${returnConfig}.…'`)
}

/** What a store says that no returner has put into words, as an error of the store. */
async function inStore<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof ReactorError) throw error
    throw new ReactorError('unreachable', `the store of '${name}': ${errorMessage(error)}`, {}, error)
  }
}

async function storesOf(config: Config, returners: Returners) {
  const log = createLog('returners', config.log_level, config.log_format)
  const context = { log, id: 'cli', profiles: await loadProfiles(config) }
  return { context, stores: createStores({ ...context, returners, settings: config.returner_settings }) }
}
