import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type IssueOptions, issueCertificates } from '../../../src/bus/server/certificate-folder.ts'
import { listCertificates } from '../../../src/bus/server/certificate-list.ts'
import { readHosts } from '../../../src/bus/server/certificates.ts'
import { onPath, runProgram } from '../../../src/bus/server/program.ts'
import { testFolder } from '../../helpers/folder.ts'
import { within } from '../../helpers/wait.ts'

const DAY_MS = 86_400_000
const NOW = new Date()

const issue = (dir: string, options: Partial<IssueOptions> = {}) =>
  issueCertificates({
    dir,
    hosts: 'nats1.example.com,localhost,127.0.0.1',
    name: 'server',
    days: 365,
    org: 'Example',
    force: false,
    now: NOW,
    ...options,
  })

const mode = async (file: string) => (await stat(file)).mode & 0o777

describe('making certificates', () => {
  it('makes an authority and a certificate that it signed, with keys for their owner alone', async () => {
    const dir = join(await testFolder(), 'certs')
    const { ca, server } = await issue(dir)
    expect(await readdir(dir)).toEqual(['ca.key', 'ca.pem', 'server.key', 'server.pem'])
    for (const key of [ca.key, server.key]) expect(await mode(key)).toBe(0o600)
    for (const cert of [ca.cert, server.cert]) expect(await mode(cert)).toBe(0o644)
    const authority = new X509Certificate(await readFile(ca.cert))
    const cert = new X509Certificate(await readFile(server.cert))
    expect(cert.verify(authority.publicKey)).toBe(true)
    expect(authority.ca).toBe(true)
    expect(cert.ca).toBe(false)
    expect(cert.subject).toBe('O=Example\nCN=nats1.example.com')
    expect(cert.checkHost('nats1.example.com')).toBe('nats1.example.com')
    expect(cert.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(cert.checkHost('nats2.example.com')).toBeUndefined()
    expect(cert.checkPrivateKey(createPrivateKey(await readFile(server.key)))).toBe(true)
    expect(cert.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  })

  it('signs further certificates with the authority that is there', async () => {
    const dir = await testFolder()
    const first = await issue(dir)
    const authority = await readFile(first.ca.cert, 'utf8')
    const second = await issue(dir, { hosts: 'nats2.example.com', name: 'nats2' })
    expect([first.ca.made, second.ca.made]).toEqual([true, false])
    expect(await readFile(first.ca.cert, 'utf8')).toBe(authority)
    const cert = new X509Certificate(await readFile(second.server.cert))
    expect(cert.verify(new X509Certificate(authority).publicKey)).toBe(true)
    expect(cert.serialNumber).not.toBe(new X509Certificate(await readFile(first.server.cert)).serialNumber)
  })

  it('replaces a certificate when forced, and never its authority', async () => {
    const dir = await testFolder()
    const { ca, server } = await issue(dir)
    const before = await Promise.all([ca.cert, ca.key, server.cert, server.key].map(file => readFile(file, 'utf8')))
    await expect(issue(dir)).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringMatching(/server\.pem is there already: --force/),
    })
    await issue(dir, { force: true })
    const after = await Promise.all([ca.cert, ca.key, server.cert, server.key].map(file => readFile(file, 'utf8')))
    expect(after.map((text, index) => text === before[index])).toEqual([true, true, false, false])
  })

  it('gives no certificate that outlives its authority', async () => {
    const dir = await testFolder()
    const { ca } = await issue(dir)
    const late = new Date(NOW.getTime() + 3600 * DAY_MS)
    const { server } = await issue(dir, { name: 'late', now: late })
    expect(server.not_after).toBe(ca.not_after)
    expect(new Date(new X509Certificate(await readFile(server.cert)).validTo).toISOString()).toBe(ca.not_after)
  })

  it('signs nothing with an authority that has expired', async () => {
    const dir = await testFolder()
    await issue(dir)
    const now = new Date(NOW.getTime() + 3651 * DAY_MS)
    await expect(issue(dir, { name: 'late', now })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/ca\.pem expired on/),
    })
  })

  it('refuses an authority that is not whole, or whose key is another, and leaves it as it is', async () => {
    const dir = await testFolder()
    const { ca } = await issue(dir)
    const other = await issue(await testFolder())
    const key = await readFile(ca.key)
    await rm(ca.key)
    await expect(issue(dir, { name: 'b' })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/ca\.pem is there without .*ca\.key/),
    })
    await writeFile(ca.key, await readFile(other.ca.key))
    await expect(issue(dir, { name: 'b' })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/ca\.key is the key of another certificate/),
    })
    await writeFile(ca.key, key)
    await writeFile(ca.cert, 'no certificate')
    await expect(issue(dir, { name: 'b' })).rejects.toMatchObject({ code: 'bad_config' })
    expect(await readFile(ca.cert, 'utf8')).toBe('no certificate')
  })

  it.each(['../evil', 'ca', '', '.hidden', 'a/b', 'x'.repeat(101)])('refuses the name %j for its files', async name => {
    const dir = await testFolder()
    await expect(issue(dir, { name })).rejects.toMatchObject({ code: 'usage' })
    expect(await readdir(dir)).toEqual([])
  })

  it('says that a folder cannot be written', async () => {
    const file = join(await testFolder(), 'file')
    await writeFile(file, '')
    await expect(issue(join(file, 'certs'))).rejects.toMatchObject({
      code: expect.stringMatching(/^(unwritable|bad_config)$/),
    })
  })
})

describe('the hosts of a certificate', () => {
  it('are names and addresses, each once, international ones as certificates have them', () => {
    expect(readHosts('a.example.com, 10.0.0.1,::1,*.example.com,a.example.com,bücher.example')).toEqual([
      'a.example.com',
      '10.0.0.1',
      '::1',
      '*.example.com',
      'xn--bcher-kva.example',
    ])
  })

  it.each([
    '',
    ' , ',
    'tls://nats1',
    'nats1:4222',
    'a b',
    '*',
    'a.*.b',
    '-a',
    '1.2.3',
    '1.2.3.4.5',
    'a..b',
    `${'a'.repeat(64)}.b`,
  ])('are not %j', text => {
    expect(() => readHosts(text)).toThrowError(expect.objectContaining({ code: 'usage' }))
  })
})

describe('a certificate that was made', () => {
  it('serves a handshake in which both sides check the other', async () => {
    const { ca, server } = await issue(await testFolder())
    const [trusted, cert, key] = await Promise.all([ca.cert, server.cert, server.key].map(file => readFile(file)))
    const listener = createServer({ ca: trusted, cert, key, requestCert: true, rejectUnauthorized: true })
    onTestFinished(() => void listener.close())
    const greeted = new Promise<TLSSocket>(done => listener.once('secureConnection', done))
    await new Promise<void>(done => listener.listen(0, '127.0.0.1', done))
    const { port } = listener.address() as { port: number }
    const socket = connect({ port, host: '127.0.0.1', servername: 'nats1.example.com', ca: trusted, cert, key })
    const peer = await within(greeted, 'the handshake')
    expect([peer.authorized, socket.authorized]).toEqual([true, true])
    socket.destroy()
  })

  it('is fine with openssl by the strict rules, as server and as client, where openssl is', async ({ skip }) => {
    const [openssl] = await onPath('openssl', process.env)
    if (openssl === undefined) return skip()
    const { ca, server } = await issue(await testFolder())
    for (const purpose of ['sslserver', 'sslclient']) {
      const words = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca.cert, server.cert]
      const { failure, stdout } = await runProgram(openssl, words, { env: process.env, timeoutMs: 10_000 })
      expect({ purpose, failure, stdout }).toEqual({ purpose, failure: undefined, stdout: `${server.cert}: OK\n` })
    }
  })
})

describe('listing certificates', () => {
  it('says whose they are and how long they last', async () => {
    const dir = await testFolder()
    await issue(dir, { days: 20, hosts: 'nats1.example.com,::1' })
    const found = await listCertificates(dir, NOW)
    expect(found).toMatchObject([
      { file: join(dir, 'ca.pem'), subject: 'O=Example, CN=Example NATS CA', ca: true, hosts: [], state: 'ok' },
      {
        file: join(dir, 'server.pem'),
        subject: 'O=Example, CN=nats1.example.com',
        issuer: 'O=Example, CN=Example NATS CA',
        ca: false,
        hosts: ['nats1.example.com', '0:0:0:0:0:0:0:1'],
        days_left: 19,
        state: 'expires_soon',
      },
    ])
    expect(found[1]!.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  })

  it('tells what is good, what expires within 30 days, what has expired and what is not valid yet', async () => {
    const dir = await testFolder()
    const { server } = await issue(dir, { days: 40 })
    const at = async (days: number) =>
      (await listCertificates(server.cert, new Date(NOW.getTime() + days * DAY_MS))).map(({ state }) => state)
    expect(await at(5)).toEqual(['ok'])
    expect(await at(15)).toEqual(['expires_soon'])
    expect(await at(41)).toEqual(['expired'])
    expect(await at(-1)).toEqual(['not_yet_valid'])
  })

  it('lists every certificate of a file', async () => {
    const [a, b] = [await issue(await testFolder()), await issue(await testFolder(), { org: 'Other' })]
    const both = join(await testFolder(), 'ca.pem')
    await writeFile(both, (await readFile(a.ca.cert, 'utf8')) + (await readFile(b.ca.cert, 'utf8')))
    expect((await listCertificates(both, NOW)).map(({ subject }) => subject)).toEqual([
      'O=Example, CN=Example NATS CA',
      'O=Other, CN=Other NATS CA',
    ])
  })

  it('says that there is none, and that one is damaged', async () => {
    const dir = await testFolder()
    await expect(listCertificates(dir, NOW)).rejects.toMatchObject({ code: 'not_found' })
    await expect(listCertificates(join(dir, 'nowhere'), NOW)).rejects.toMatchObject({ code: 'not_found' })
    const file = join(dir, 'bad.pem')
    await writeFile(file, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    await expect(listCertificates(dir, NOW)).rejects.toMatchObject({ code: 'unreadable' })
  })
})
