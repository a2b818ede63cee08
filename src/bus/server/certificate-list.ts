// What certificates in files say: whose they are, for which hosts, and until when.
import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'

export interface CertificateFacts {
  file: string
  subject: string
  issuer: string
  /** DNS names and IP addresses. */
  hosts: string[]
  /** Of an authority. */
  ca: boolean
  not_before: string
  not_after: string
  /** Whole days; negative once it has expired. */
  days_left: number
  state: 'ok' | 'expires_soon' | 'expired' | 'not_yet_valid'
  /** SHA-256, hexadecimal with colons. */
  fingerprint: string
}

const DAY_MS = 86_400_000
export const SOON_DAYS = 30
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Every certificate of a file, or of the `*.pem` and `*.crt` files of a folder. Throws `not_found`, `unreadable`. */
export async function listCertificates(path: string, now: Date): Promise<CertificateFacts[]> {
  const found: CertificateFacts[] = []
  for (const file of await filesOf(path)) {
    for (const pem of await pemsOf(file)) found.push(factsOf(file, pem, now))
  }
  if (found.length > 0) return found
  throw new ReactorError('not_found', `no certificate in ${path}: reactor certs init --dir ${path} makes them`)
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = await readdir(path)
    return names
      .filter(name => /\.(pem|crt)$/.test(name))
      .sort()
      .map(name => join(path, name))
  } catch (error) {
    throw new ReactorError('not_found', `cannot look at ${path}: ${errorMessage(error)}`)
  }
}

async function pemsOf(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).match(PEM) ?? []
  } catch (error) {
    throw new ReactorError('unreadable', `cannot read ${file}: ${errorMessage(error)}`)
  }
}

function factsOf(file: string, pem: string, now: Date): CertificateFacts {
  let cert: X509Certificate
  try {
    cert = new X509Certificate(pem)
  } catch (error) {
    throw new ReactorError('unreadable', `${file} holds a damaged certificate: ${errorMessage(error)}`)
  }
  const from = new Date(cert.validFrom)
  const until = new Date(cert.validTo)
  const daysLeft = Math.floor((until.getTime() - now.getTime()) / DAY_MS)
  return {
    file,
    subject: oneLine(cert.subject),
    issuer: oneLine(cert.issuer),
    hosts: (cert.subjectAltName ?? '')
      .split(', ')
      .map(name => name.replace(/^(DNS|IP Address):/, ''))
      .filter(name => name !== ''),
    ca: cert.ca,
    not_before: from.toISOString(),
    not_after: until.toISOString(),
    days_left: daysLeft,
    state: until <= now ? 'expired' : from > now ? 'not_yet_valid' : daysLeft < SOON_DAYS ? 'expires_soon' : 'ok',
    fingerprint: cert.fingerprint256,
  }
}

/** Node gives a line for each part of the name; none at all for an empty one. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ')
