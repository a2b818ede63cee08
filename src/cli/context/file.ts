// Contexts: servers and logins by name, one file each, and the one that is chosen. Secrets stay in files of their own, which
// a context names.
import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { isObject } from '../../base/json.ts'
import { ignoreMissing } from '../../base/missing.ts'
import { didYouMean } from '../../base/suggest.ts'
import type { TlsFiles } from '../../bus/tls.ts'

/** What `<config folder>/contexts/<name>.json` holds; files by their absolute paths. */
export interface Context {
  /** URL, or several with commas. */
  server: string
  namespace?: string
  user?: string
  seed?: string
  password_file?: string
  tls?: TlsFiles
}

const TEXTS = ['server', 'namespace', 'user', 'seed', 'password_file'] as const
const TLS = ['ca', 'cert', 'key'] as const

/** `$XDG_CONFIG_HOME/reactor`, or `~/.config/reactor`. A relative `XDG_CONFIG_HOME` counts for nothing, as its rules say. */
export function configFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(homedir(), '.config')
  return join(base, 'reactor')
}

const contextsFolder = () => join(configFolder(), 'contexts')
const chosenFile = () => join(configFolder(), 'context')

export const contextFile = (name: string): string => join(contextsFolder(), `${requireName(name)}.json`)

function requireName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/.test(name)) return name
  throw new ReactorError(
    'usage',
    `'${name}' is no name for a context: 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit`,
  )
}

/** Sorted. */
export async function contextNames(): Promise<string[]> {
  const folder = contextsFolder()
  const files = (await readdir(folder).catch(ignoreMissing).catch(cannotRead(folder))) ?? []
  return files.flatMap(file => (file.endsWith('.json') ? [file.slice(0, -5)] : [])).sort()
}

/** Undefined: there is none. Throws `bad_config` on a damaged file, `unreadable`. */
export async function findContext(name: string): Promise<Context | undefined> {
  const file = contextFile(name)
  const text = await textIn(file)
  return text === undefined ? undefined : parseContext(text, file)
}

/** Throws `not_found`. */
export async function readContext(name: string): Promise<Context> {
  const found = await findContext(name)
  if (found) return found
  const names = await contextNames()
  const near = didYouMean(name, names)
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`
  throw new ReactorError('not_found', `there is no context '${name}'; ${known}.${near} 'reactor context add' makes one`)
}

function parseContext(text: string, file: string): Context {
  const wrong = (problem: string) =>
    new ReactorError('bad_config', `the context ${file} is damaged: ${problem}; mend it, or make it anew`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw wrong(errorMessage(error))
  }
  if (!isObject(value)) throw wrong('it is no map')
  const { tls = {}, ...texts } = value
  if (typeof texts.server !== 'string' || texts.server === '') throw wrong("'server' is missing")
  if (!isObject(tls)) throw wrong("'tls' is no map")
  if (texts.seed !== undefined && texts.password_file !== undefined)
    throw wrong("'seed' and 'password_file' are two logins")
  requireTexts(texts, TEXTS, '', wrong)
  requireTexts(tls, TLS, 'tls.', wrong)
  return value as unknown as Context
}

function requireTexts(
  map: Record<string, unknown>,
  keys: readonly string[],
  prefix: string,
  wrong: (problem: string) => ReactorError,
): void {
  for (const [key, value] of Object.entries(map)) {
    if (!keys.includes(key)) throw wrong(`unknown key '${prefix}${key}'.${didYouMean(key, [...keys])}`)
    if (typeof value !== 'string' || value === '') throw wrong(`'${prefix}${key}' is no text`)
  }
}

export const writeContext = async (name: string, context: Context): Promise<void> =>
  write(contextFile(name), `${JSON.stringify(context, null, 2)}\n`)

/** False: there was none. A context that was chosen is chosen no longer. */
export async function removeContext(name: string): Promise<boolean> {
  if (!(await findContext(name).catch(() => true))) return false
  if ((await chosenContext()) === name) await chooseContext(undefined)
  await rm(contextFile(name), { force: true })
  return true
}

/** Name of the chosen one. */
export async function chosenContext(): Promise<string | undefined> {
  const text = await textIn(chosenFile())
  return text?.trim() || undefined
}

export const chooseContext = (name: string | undefined): Promise<void> =>
  name === undefined ? rm(chosenFile(), { force: true }) : write(chosenFile(), `${name}\n`)

const textIn = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch(ignoreMissing).catch(cannotRead(file))

/** As where HOME is another user's, after sudo. */
const cannotRead = (file: string) => (error: unknown) => {
  throw new ReactorError('unreadable', `cannot read ${file}: ${errorMessage(error)}; is HOME your own?`)
}

/** All of it or nothing, for its owner alone. */
async function write(file: string, text: string): Promise<void> {
  const next = `${file}.${process.pid}.new`
  try {
    await makeFolder(contextsFolder())
    await chmod(configFolder(), 0o700)
    await chmod(contextsFolder(), 0o700)
    await writeFile(next, text, { mode: 0o600, flag: 'wx' })
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw new ReactorError('unwritable', `${file} cannot be written: ${errorMessage(error)}`)
  }
}
