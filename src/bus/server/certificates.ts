// Makes certificates for NATS servers: an authority of one's own, and what it signs. ECDSA on P-256, which every TLS 1.2
// and 1.3 client takes. It loads a library that nothing else needs: import it only where certificates are made.
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { ReactorError } from '../../base/errors.ts'

/** A certificate and its private key (PKCS #8), both PEM. */
export interface Issued {
  cert: string
  key: string
}

export interface Validity {
  from: Date
  until: Date
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const PRIVATE_KEY = 'PRIVATE KEY'
/** RFC 5280: a common name is no longer. */
const MAX_COMMON_NAME = 64
const DNS_NAME = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** A new authority, which signs servers' certificates and no further authorities. */
export async function makeAuthority(org: string, { from, until }: Validity): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const cert = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ O: [org] }, { CN: [`${org} NATS CA`.slice(0, MAX_COMMON_NAME)] }],
    notBefore: from,
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: cert.toString('pem'), key: await pemOf(keys.privateKey) }
}

/** A server's certificate for these hosts; a node of a cluster shows it as a client to the others too. */
export async function makeServerCertificate(
  authority: Issued,
  hosts: readonly string[],
  org: string,
  { from, until }: Validity,
): Promise<Issued> {
  const ca = new X509Certificate(authority.cert)
  const [der] = PemConverter.decode(authority.key)
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der!, ALGORITHM, false, ['sign'])
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const first = hosts[0]!
  const subject: JsonName = [{ O: [org] }, ...(first.length <= MAX_COMMON_NAME ? [{ CN: [first] }] : [])]
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension(hosts.map(host => ({ type: isIP(host) ? 'ip' : 'dns', value: host }))),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(ca.publicKey),
  ]
  const cert = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: ca.subjectName,
    notBefore: from,
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions,
  })
  return { cert: cert.toString('pem'), key: await pemOf(keys.privateKey) }
}

/** DNS names and IP addresses of a list, as certificates have them, each once. Throws `usage` on what is neither. */
export function readHosts(list: string): string[] {
  const hosts = list
    .split(',')
    .map(word => word.trim())
    .filter(word => word !== '')
  if (hosts.length === 0) throw new ReactorError('usage', 'no host is named: give --host nats1.example.com,10.0.0.1')
  return [...new Set(hosts.map(readHost))]
}

function readHost(text: string): string {
  if (isIP(text)) return text
  const wildcard = text.startsWith('*.') ? '*.' : ''
  const name = wildcard + domainToASCII(text.slice(wildcard.length))
  if (DNS_NAME.test(name) && name.length <= 253 && !/^[\d.]+$/.test(name)) return name
  throw new ReactorError(
    'usage',
    `'${text}' is no host: expected a DNS name such as nats1.example.com or *.example.com, or an IP address, without scheme and port`,
  )
}

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), PRIVATE_KEY)}\n`

/** 127 random bits: a serial number is positive, and nobody may guess the next. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString('hex')
}
