// TLS towards NATS servers: when it is asked for, whose certificate is taken, and what is said when it fails.
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { TlsOptions } from '@nats-io/transport-node'
import { errorMessage, ReactorError } from '../base/errors.ts'

/** Files in PEM. They are read again at each connection, so that they may be renewed under a running process. */
export interface TlsFiles {
  /** Certificates of the authorities that sign servers; without it those of the system are believed. */
  ca?: string | undefined
  /** A certificate of one's own and its key, where the server wants one. */
  cert?: string | undefined
  key?: string | undefined
}

/**
 * What the client is told: TLS is required where files are given or a URL says `tls://`; else it is used where the server
 * offers it. Throws `bad_config` on a file that cannot be read.
 */
export async function tlsOptions(servers: string | string[], files: TlsFiles = {}): Promise<TlsOptions | undefined> {
  const { ca, cert, key } = files
  if ((cert === undefined) !== (key === undefined))
    throw new ReactorError(
      'bad_config',
      `tls.${cert ? 'cert' : 'key'} is set without tls.${cert ? 'key' : 'cert'}: give both, or neither`,
    )
  for (const [setting, file] of Object.entries({ ca, cert, key })) await requireReadable(setting, file)
  const asked = [servers].flat().some(url => /^tls:\/\//i.test(url.trim()))
  if (!asked && ca === undefined && cert === undefined) return undefined
  const options = {
    ...(ca ? { caFile: ca } : {}),
    ...(cert && key ? { certFile: cert, keyFile: key } : {}),
    checkServerIdentity: checkIdentity,
  }
  return options
}

async function requireReadable(setting: string, file: string | undefined): Promise<void> {
  if (file === undefined) return
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new ReactorError('bad_config', `tls.${setting}: cannot read ${file}: ${errorMessage(error)}`)
  })
  if (!text.includes('-----BEGIN '))
    throw new ReactorError('bad_config', `tls.${setting}: ${file} is no PEM file: expected '-----BEGIN …' in it`)
}

/**
 * The client hands over no name for a server that is dialled by address, and Node then asks the certificate for
 * `localhost`: too little for one, and too much for another. It has to be for that address.
 */
function checkIdentity(this: { servername?: string; socket?: Socket }, name: string, cert: PeerCertificate) {
  const address = this.socket?.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '')
  return checkServerIdentity(this.servername || address || name, cert)
}

const EXPIRED = 'CERT_HAS_EXPIRED'
const EARLY = 'CERT_NOT_YET_VALID'
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'
const UNKNOWN_AUTHORITY = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
])

/** As Node describes it. */
type Mismatch = Error & { cert: PeerCertificate; host: string }

/** `nats1.example.com, 10.0.0.1, not for 127.0.0.1` */
function otherHost(causes: readonly unknown[]): string {
  const { cert, host } = causes.find(cause => cause instanceof Error && 'cert' in cause) as Mismatch
  return `${(cert.subjectaltname ?? 'no host').replaceAll(/DNS:|IP Address:/g, '')}, not for ${host}`
}

/** The error as a sentence that says what to do, if TLS is what failed. `where` names the servers, `given` is what was used. */
export function tlsFailure(error: unknown, where: string, given: TlsFiles | undefined): ReactorError | undefined {
  const causes = [error, (error as { cause?: unknown } | undefined)?.cause]
  const code = causes.map(cause => (cause as { code?: unknown } | undefined)?.code).find(one => typeof one === 'string')
  const message = errorMessage(error)
  const unreachable = (what: string, advice: string) => new ReactorError('unreachable', `${where}: ${what}; ${advice}`)
  if (code === EXPIRED)
    return unreachable(
      "the server's certificate, or its authority's, has expired",
      "renew it ('reactor certs show' lists them)",
    )
  if (code === EARLY)
    return unreachable("the server's certificate is not valid yet", 'look at the clocks of both machines')
  if (code === OTHER_NAME)
    return unreachable(
      `the server's certificate is for another host: ${otherHost(causes)}`,
      "use a name that it holds, or make one for this name with 'reactor certs init --host'; for an address write tls://",
    )
  if (typeof code === 'string' && UNKNOWN_AUTHORITY.has(code))
    return unreachable(
      `the server's certificate is signed by an authority that is not trusted here (${message})`,
      given?.ca
        ? `is ${given.ca} the authority that signed it?`
        : 'name the file of its authority with tls.ca (--tls-ca)',
    )
  if (/does not support 'tls'/.test(message))
    return unreachable(
      'the server offers no TLS, and nothing is sent in plain text',
      'turn TLS on there, or use nats:// without tls.ca (--tls-ca)',
    )
  if (/alert (certificate required|bad certificate|handshake failure|unknown ca)|CERTIFICATE_REQUIRED/i.test(message))
    return new ReactorError(
      'forbidden',
      `${where} wants a client certificate that it trusts (${message}): give one with tls.cert and tls.key`,
    )
  if (typeof code === 'string' && /^ERR_(SSL|OSSL|TLS)_/.test(code))
    return unreachable(`TLS failed (${message})`, 'look at the files of tls.ca, tls.cert and tls.key')
  return undefined
}
