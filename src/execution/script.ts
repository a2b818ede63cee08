// A script of the master, or of this machine, as a file of its own that is gone once it has run.
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isSaltUrl, parseSaltUrl } from '../files/salt-url.ts'
import type { StateContext } from '../functions/state-context.ts'
import { userNamed } from './run-as.ts'

export interface Script {
  /** `salt://…`, or a path. */
  source: string
  /** It is rendered first. */
  template?: 'jinja' | undefined
  /** Who runs it. */
  runas?: string | undefined
}

type Context = Pick<StateContext, 'files' | 'render' | 'state'>

/** Gives `use` the words that run it, and removes it then. Throws `function_failed` where it is not there. */
export async function withScript<T>(
  { source, template, runas }: Script,
  context: Context,
  use: (argv: string[]) => Promise<T>,
): Promise<T> {
  const text = await textOf(source, template, context)
  const folder = await mkdtemp(join(tmpdir(), 'reactor-script-'))
  try {
    const file = join(folder, basename(source.replace(/\?saltenv=.*$/, '')))
    await writeFile(file, text, { mode: 0o700 })
    // It may hold secrets: it is that user's, and nobody else's to read.
    if (runas !== undefined && process.getuid?.() === 0) {
      const { uid, gid } = await userNamed(runas)
      for (const path of [folder, file]) await chown(path, uid, gid)
    }
    const hasInterpreter = text.subarray(0, 2).toString('latin1') === '#!'
    return await use(hasInterpreter ? [file] : ['/bin/sh', file])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function textOf(source: string, template: 'jinja' | undefined, context: Context): Promise<Buffer> {
  const from = isSaltUrl(source) ? parseSaltUrl(source, context.state.saltenv) : undefined
  const saltenv = from?.saltenv ?? context.state.saltenv
  const file = from ? await context.files.cache(from.path, saltenv) : source
  if (file === undefined)
    throw new ReactorError('function_failed', `there is no script ${source} in the environment '${saltenv}'`)
  const text = await readFile(file).catch(error => {
    throw new ReactorError('function_failed', `the script ${source} cannot be read: ${errorMessage(error)}`)
  })
  return template === undefined ? text : Buffer.from(await context.render(text.toString('utf8'), { source, saltenv }))
}
