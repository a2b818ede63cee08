// The folder of certificates: an authority made once, servers' certificates that it signs, and who may read which file.
import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { makeFolder } from '../../base/folder.ts'
import { type Issued, makeAuthority, makeServerCertificate, readHosts } from './certificates.ts'

export interface IssueOptions {
  dir: string
  /** DNS names and IP addresses with commas. */
  hosts: string
  /** The files are `<name>.pem` and `<name>.key`. */
  name: string
  /** How long the server's certificate is good for. */
  days: number
  org: string
  /** Replace a server's certificate that is there; the authority is never replaced. */
  force: boolean
  now: Date
}

export interface IssuedFiles {
  dir: string
  ca: { cert: string; key: string; made: boolean; not_after: string }
  server: { cert: string; key: string; hosts: string[]; not_after: string }
}

const DAY_MS = 86_400_000
const CA_DAYS = 3650
/** Clocks differ: what is made here has to be good on a machine that is behind. */
const BACKDATE_MS = 3_600_000
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

/**
 * Makes the authority unless it is there, and a server's certificate signed by it. Throws `usage` on a host or name that
 * is none, `bad_config` on an authority that cannot sign, `unwritable` where files are in the way or cannot be written.
 */
export async function issueCertificates({ dir, name, org, force, now, ...wish }: IssueOptions): Promise<IssuedFiles> {
  const hosts = readHosts(wish.hosts)
  if (!NAME.test(name) || name === 'ca')
    throw new ReactorError(
      'usage',
      `'${name}' is no name for a certificate's files: letters, digits, '_', '-', '.'; and not 'ca'`,
    )
  const at = (file: string) => join(resolve(dir), file)
  const files = { cert: at(`${name}.pem`), key: at(`${name}.key`) }
  for (const file of Object.values(files)) {
    if (!force && (await exists(file)))
      throw new ReactorError(
        'unwritable',
        `${file} is there already: --force replaces it, --name OTHER makes another beside it`,
      )
  }
  const from = new Date(now.getTime() - BACKDATE_MS)
  const after = (days: number) => new Date(now.getTime() + days * DAY_MS)
  const caFiles = { cert: at('ca.pem'), key: at('ca.key') }
  const present = await readAuthority(caFiles, now)
  const authority = present ?? (await makeAuthority(org, { from, until: after(CA_DAYS) }))
  if (!present) await writePair(caFiles, authority)
  const caUntil = new Date(new X509Certificate(authority.cert).validTo)
  // Nobody would take it for longer than its authority.
  const until = new Date(Math.min(after(wish.days).getTime(), caUntil.getTime()))
  await writePair(files, await makeServerCertificate(authority, hosts, org, { from, until }))
  return {
    dir: resolve(dir),
    ca: { ...caFiles, made: !present, not_after: caUntil.toISOString() },
    server: { ...files, hosts, not_after: until.toISOString() },
  }
}

/** The authority of the folder; undefined where there is none yet. */
async function readAuthority(files: Issued, now: Date): Promise<Issued | undefined> {
  const [cert, key] = await Promise.all([readText(files.cert), readText(files.key)])
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [files.key, files.cert] : [files.cert, files.key]
    throw new ReactorError(
      'bad_config',
      `${there} is there without ${missing}, and signing takes both: put it back, or name another --dir for a new authority`,
    )
  }
  let until: Date
  try {
    const ca = new X509Certificate(cert)
    if (!ca.ca) throw new Error('it is no certificate of an authority')
    if (!ca.checkPrivateKey(createPrivateKey(key))) throw new Error(`${files.key} is the key of another certificate`)
    until = new Date(ca.validTo)
  } catch (error) {
    throw new ReactorError('bad_config', `${files.cert} cannot sign: ${errorMessage(error)}`)
  }
  if (until <= now)
    throw new ReactorError(
      'bad_config',
      `the authority ${files.cert} expired on ${until.toISOString().slice(0, 10)}: name another --dir for a new one, and have clients trust both for a time (docs/deploy.md)`,
    )
  return { cert, key }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ReactorError('bad_config', `${file} cannot be read: ${errorMessage(error)}`)
  }
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

/** Both are whole on the disk before either takes its place. */
async function writePair(files: Issued, { cert, key }: Issued): Promise<void> {
  const aside = (file: string) => `${file}.${randomUUID()}`
  const parts = [
    { file: files.key, as: aside(files.key), text: key, mode: 0o600 },
    { file: files.cert, as: aside(files.cert), text: `${cert.trimEnd()}\n`, mode: 0o644 },
  ]
  try {
    await makeFolder(join(files.cert, '..'))
    for (const { as, text, mode } of parts) await writeFile(as, text, { mode, flag: 'wx' })
    for (const { as, file } of parts) await rename(as, file)
  } catch (error) {
    throw new ReactorError('unwritable', `cannot write ${files.cert}: ${errorMessage(error)}`)
  } finally {
    for (const { as } of parts) await rm(as, { force: true })
  }
}
