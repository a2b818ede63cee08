// Module `cp`: files of the master's file_roots, on the minion.
import { basename, join } from 'node:path'
import { z } from 'zod'
import { makeFolder } from '../base/folder.ts'
import {
  beginning,
  cacheOne,
  fileOf,
  hashHere,
  hashOnMaster,
  missing,
  put,
  textOf,
} from '../execution/files/copying.ts'
import { createPick } from '../execution/files/pick.ts'
import { absolute, placeOf, writable, writeAt } from '../execution/files/place.ts'
import { formatSaltUrl, isSaltUrl, parseSaltUrl } from '../files/salt-url.ts'
import { execution } from '../functions/define.ts'
import { filePath, fixed, type Guard } from '../functions/guards.ts'

const source = fixed('a file that is written to the machine')
const template = fixed('a template')
/** Which file of the master's is asked for an event may say, but not which of the machine's. */
const saltOnly: Guard = {
  as: 'a file',
  problem: value =>
    isSaltUrl(value) ? undefined : 'it would be a file of the machine; only salt://… may come from it',
}

const saltenv = z.string().default('base').describe('the environment, where the path has no ?saltenv= of its own')
const url = z.string().describe('salt://path')
const prefix = z.string().default('').describe('only paths that begin with this')
const dest = z
  .string()
  .describe('absolute path; that of a folder, or one that ends with /, gets the name of the file behind it')
const makedirs = z.boolean().default(false).describe('make the folders above dest where they are missing')
const jinja = z.literal('jinja')
const [includePat, excludePat] = ['only', 'not'].map(how =>
  z.string().nullish().describe(`${how} paths that match this glob, or regular expression behind E@`),
) as [z.ZodOptional<z.ZodNullable<z.ZodString>>, z.ZodOptional<z.ZodNullable<z.ZodString>>]

export const envs = execution({
  doc: `Lists the environments of the master's file_roots.
    Example: reactor call web1 cp.envs`,
  idempotent: true,
  run: (_args, { files }) => files.envs(),
})

export const list_master = execution({
  doc: `Lists the files of an environment on the master.
    Example: reactor call web1 cp.list_master base prefix=web/`,
  args: { saltenv, prefix },
  idempotent: true,
  run: ({ saltenv, prefix }, { files }) => beginning(prefix, folder => files.list(saltenv, folder)),
})

export const list_master_dirs = execution({
  doc: `Lists the folders of an environment on the master, empty ones included.
    Example: reactor call web1 cp.list_master_dirs`,
  args: { saltenv, prefix },
  idempotent: true,
  run: ({ saltenv, prefix }, { files }) => beginning(prefix, folder => files.listDirs(saltenv, folder)),
})

export const list_states = execution({
  doc: `Lists the SLS names of an environment on the master, as state.sls takes them.
    Example: reactor call web1 cp.list_states`,
  args: { saltenv },
  idempotent: true,
  async run({ saltenv }, { files }) {
    const listed = (await files.list(saltenv)).filter(path => path.endsWith('.sls'))
    return [...new Set(listed.map(path => path.replace(/(?:\/init)?\.sls$/, '').replaceAll('/', '.')))].sort()
  },
})

export const list_minion = execution({
  doc: `Lists the files of an environment that the minion has copies of.
    Example: reactor call web1 cp.list_minion`,
  args: { saltenv },
  idempotent: true,
  run: ({ saltenv }, { files }) => files.listCached(saltenv),
})

export const hash_file = execution({
  doc: `Returns {hash_type, hsum} of a file of the master, or of the machine where an absolute path is given; an empty map
    where there is none. The type is always sha256.
    Example: reactor call web1 cp.hash_file salt://web/index.html`,
  args: { path: z.string().describe('salt://path, or an absolute path of the machine'), saltenv },
  guards: { path: saltOnly },
  idempotent: true,
  async run({ path, saltenv }, { files }) {
    const found = isSaltUrl(path) ? await hashOnMaster(fileOf(path, saltenv), files) : await hashHere(absolute(path))
    return found ? { hash_type: found.hash_type, hsum: found.hsum } : {}
  },
})

export const cache_file = execution({
  doc: `Copies a file of the master to the minion's cache, unless it is there unchanged; returns the path of the copy, false
    where the master has no such file.
    Example: reactor call web1 cp.cache_file salt://web/index.html`,
  args: { path: url, saltenv },
  idempotent: true,
  run: ({ path, saltenv }, context) => cacheOne(fileOf(path, saltenv), context),
})

export const cache_files = execution({
  doc: `Does as cp.cache_file for several files; returns the list of what that gives for each.
    Example: reactor call web1 cp.cache_files '[salt://web/index.html, salt://web/logo.png]'`,
  args: {
    paths: z.union([z.string(), z.array(z.string())]).describe('salt://paths, as a list or with commas'),
    saltenv,
  },
  idempotent: true,
  async run({ paths, saltenv }, context) {
    const listed = (typeof paths === 'string' ? paths.split(',') : paths).map(path => path.trim())
    const cached: (string | false)[] = []
    for (const path of listed) cached.push(await cacheOne(fileOf(path, saltenv), context))
    return cached
  },
})

export const cache_dir = execution({
  doc: `Copies all files below a folder of the master to the minion's cache; returns the paths of the copies.
    Example: reactor call web1 cp.cache_dir salt://web include_pat='*.html'`,
  args: { path: url, saltenv, include_pat: includePat, exclude_pat: excludePat },
  idempotent: true,
  async run({ path, saltenv, include_pat, exclude_pat }, context) {
    const folder = parseSaltUrl(path, saltenv)
    const wanted = createPick({ include_pat, exclude_pat })
    const cached: string[] = []
    for (const file of await context.files.list(folder.saltenv, folder.path)) {
      if (!wanted(file)) continue
      const copy = await context.files.cache(file, folder.saltenv)
      // It was removed since it was listed.
      if (copy !== undefined) cached.push(copy)
    }
    return cached
  },
})

export const cache_master = execution({
  doc: `Copies all files of an environment of the master to the minion's cache; returns the paths of the copies.
    Example: reactor call web1 cp.cache_master`,
  args: { saltenv },
  idempotent: true,
  async run({ saltenv }, context) {
    const cached: (string | false)[] = []
    for (const path of await context.files.list(saltenv)) cached.push(await cacheOne({ path, saltenv }, context))
    return cached
  },
})

export const is_cached = execution({
  doc: `Returns the path of the minion's copy of a file, fresh or not; an empty text where it has none.
    Example: reactor call web1 cp.is_cached salt://web/index.html`,
  args: { path: url, saltenv },
  idempotent: true,
  async run({ path, saltenv }, { files }) {
    const file = fileOf(path, saltenv)
    return (await files.cached(file.path, file.saltenv)) ?? ''
  },
})

export const get_file = execution({
  doc: `Copies a file of the master to dest; returns its path, and an empty text where the master has no such file: the job
    has failed then. The file is written aside and takes its place whole; one that is there keeps owner and mode.
    With template=jinja, path and dest are rendered first. What is in the file is rendered by cp.get_template.
    Example: reactor call web1 cp.get_file salt://web/index.html /srv/www/ makedirs=True`,
  args: { path: url, dest, saltenv, makedirs, template: jinja.nullish().describe('render path and dest') },
  guards: { path: source, dest: filePath, template },
  idempotent: true,
  async run({ path, dest, saltenv, makedirs, template: engine }, context) {
    const rendered = (text: string) =>
      engine ? context.render(text, { source: 'cp.get_file', saltenv }) : Promise.resolve(text)
    const file = fileOf(await rendered(path), saltenv)
    return (await put(file, { dest: await rendered(dest), makedirs }, context)) ?? missing(file, context, '')
  },
})

export const get_dir = execution({
  doc: `Copies a folder of the master, with all below it, into the folder dest; returns the paths of the files there. The
    last part of path is made in dest. Fails where the master has no file there.
    Example: reactor call web1 cp.get_dir salt://web/conf /etc`,
  args: { path: url, dest: z.string().describe('absolute path of a folder'), saltenv },
  guards: { path: source, dest: filePath },
  idempotent: true,
  async run({ path, dest, saltenv }, context) {
    const folder = parseSaltUrl(path, saltenv)
    const to = join(absolute(dest), basename(folder.path))
    const below = (path: string) => join(to, folder.path === '' ? path : path.slice(folder.path.length + 1))
    const written: string[] = []
    for (const path of await context.files.list(folder.saltenv, folder.path)) {
      const file = { path, saltenv: folder.saltenv }
      const at = await put(file, { dest: below(path), makedirs: true }, context)
      if (at !== undefined) written.push(at)
    }
    if (written.length === 0) return missing(folder, context, [])
    for (const path of await context.files.listDirs(folder.saltenv, folder.path)) {
      const at = below(path)
      await writable(at, () => makeFolder(at, 0o755))
    }
    return written
  },
})

export const get_file_str = execution({
  doc: `Returns the text of a file of the master; false where it has no such file.
    Example: reactor call web1 cp.get_file_str salt://web/index.html`,
  args: { path: url, saltenv },
  idempotent: true,
  async run({ path, saltenv }, context) {
    const file = fileOf(path, saltenv)
    const copy = await cacheOne(file, context)
    return copy === false ? false : textOf(copy, file)
  },
})

export const get_template = execution({
  doc: `Renders a file of the master as a Jinja template and writes the text to dest; returns its path, and an empty text
    where the master has no such file: the job has failed then. Further named arguments are names that the template sees.
    Example: reactor call web1 cp.get_template salt://web/nginx.conf /etc/nginx/nginx.conf port=8080`,
  args: { path: url, dest, template: jinja.default('jinja').describe('its language'), saltenv, makedirs },
  extra: 'names',
  guards: { path: template, dest: filePath, template, names: fixed('a name that a template fills in') },
  idempotent: true,
  async run({ path, dest, saltenv, makedirs, names }, context) {
    const file = fileOf(path, saltenv)
    const copy = await context.files.cache(file.path, file.saltenv)
    if (copy === undefined) return missing(file, context, '')
    const text = await context.render(await textOf(copy, file), {
      source: formatSaltUrl(file.path),
      saltenv: file.saltenv,
      names,
    })
    return writeAt({ text }, await placeOf(dest, file.path, makedirs))
  },
})

export const get_url = execution({
  doc: `Copies a file of the master to dest, or where no dest is given to the minion's cache; returns the path, false where the
    master has no such file: the job has failed then. Other addresses than salt:// are refused: file.managed takes them.
    Example: reactor call web1 cp.get_url salt://web/index.html /srv/www/index.html`,
  args: { path: url, dest: z.string().default('').describe('as cp.get_file has it'), saltenv, makedirs },
  guards: { path: source, dest: filePath },
  idempotent: true,
  async run({ path, dest, saltenv, makedirs }, context) {
    const file = fileOf(path, saltenv)
    const at =
      dest === '' ? await context.files.cache(file.path, file.saltenv) : await put(file, { dest, makedirs }, context)
    return at ?? missing(file, context, false)
  },
})
