import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type BusOptions, connectBus } from '../../src/bus/connect.ts'
import { otherAuthority, startTlsServer, testCertificates } from '../helpers/certificates.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer } from '../helpers/server.ts'

async function open(servers: string | string[], options: Partial<BusOptions> = {}) {
  const { log } = keptLog()
  const bus = await connectBus({ servers, namespace: 'reactor', name: 'test', patient: false, log, ...options })
  onTestFinished(() => bus.close())
  return bus
}

/** That requests go to and fro. */
async function worksOn(servers: string | string[], options: Partial<BusOptions> = {}) {
  const { nc } = await open(servers, options)
  nc.subscribe('ask', { callback: (_error, message) => void message.respond('answer') })
  expect((await nc.request('ask')).string()).toBe('answer')
  expect(nc.info).toMatchObject({ tls_required: true })
}

describe('a server whose certificate is signed by the authority that is given', () => {
  it('is taken under nats://, tls:// and an address', async () => {
    const certificates = await testCertificates()
    const { nats, tls, byAddress } = await startTlsServer(certificates)
    for (const url of [nats, tls, byAddress]) await worksOn(url, { tls: { ca: certificates.ca } })
  })

  it('is refused by name where the certificate is for another host', async () => {
    const certificates = await testCertificates({ hosts: 'nats1.example.com' })
    const { tls, byAddress } = await startTlsServer(certificates)
    for (const [url, host] of [
      [tls, 'localhost'],
      [byAddress, '127.0.0.1'],
    ] as const) {
      await expect(open(url, { tls: { ca: certificates.ca } })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining(`is for another host: nats1.example.com, not for ${host}; use a name`),
      })
    }
  })

  it('is not taken by address because its certificate is for localhost', async () => {
    const certificates = await testCertificates({ hosts: 'localhost' })
    const { tls, byAddress } = await startTlsServer(certificates)
    await worksOn(tls, { tls: { ca: certificates.ca } })
    await expect(open(byAddress, { tls: { ca: certificates.ca } })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/127\.0\.0\.1/),
    })
  })

  it('is taken by address with a certificate for that address alone', async () => {
    const certificates = await testCertificates({ hosts: '127.0.0.1' })
    const { tls, byAddress } = await startTlsServer(certificates)
    await worksOn(byAddress, { tls: { ca: certificates.ca } })
    await expect(open(tls, { tls: { ca: certificates.ca } })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('is refused once its certificate has expired', async () => {
    const certificates = await testCertificates({ expired: true })
    const { tls } = await startTlsServer(certificates)
    await expect(open(tls, { tls: { ca: certificates.ca } })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/has expired; renew it/),
    })
  })
})

describe('a server that another authority signed', () => {
  it('is taken where both authorities are believed, so that one may follow the other', async () => {
    const certificates = await testCertificates()
    const { tls } = await startTlsServer(certificates)
    const both = join(await testFolder(), 'ca.pem')
    const authorities = await Promise.all([await otherAuthority(), certificates.ca].map(file => readFile(file, 'utf8')))
    await writeFile(both, authorities.join(''))
    await worksOn(tls, { tls: { ca: both } })
  })

  it('is refused, and the file that was believed is named', async () => {
    const { tls } = await startTlsServer(await testCertificates())
    const ca = await otherAuthority()
    await expect(open(tls, { tls: { ca } })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`is ${ca} the authority that signed it?`),
    })
  })

  it('is refused where no authority is given, since the system knows it not', async () => {
    const { nats, tls } = await startTlsServer(await testCertificates())
    for (const url of [nats, tls]) {
      await expect(open(url)).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/not trusted here .* name the file of its authority with tls\.ca/),
      })
    }
  })
})

describe('a server without TLS', () => {
  it('gets nothing in plain text where tls:// or an authority asks for TLS', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const { ca } = await testCertificates()
    const refused = { code: 'unreachable', message: expect.stringMatching(/offers no TLS/) }
    await expect(open(server.url.replace('nats://', 'tls://'))).rejects.toMatchObject(refused)
    await expect(open(server.url, { tls: { ca } })).rejects.toMatchObject(refused)
    await expect(open([server.url, 'tls://127.0.0.1:1'])).rejects.toMatchObject({ code: 'unreachable' })
  })
})

describe('a server that wants a client certificate', () => {
  it('takes one that its authority signed, and refuses who has none', async () => {
    const certificates = await testCertificates()
    const { tls } = await startTlsServer(certificates, { verify: true })
    const { ca, cert, key } = certificates
    await worksOn(tls, { tls: { ca, cert, key } })
    await expect(open(tls, { tls: { ca } })).rejects.toMatchObject({
      message: expect.stringMatching(/wants a client certificate.* tls\.cert/),
    })
  })
})

describe('the files of tls', () => {
  it('are looked at before anything is dialled, even by who waits for the server', async () => {
    const dir = await testFolder()
    const ca = join(dir, 'ca.pem')
    const url = 'tls://127.0.0.1:1'
    await expect(open(url, { patient: true, tls: { ca } })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(`tls.ca: cannot read ${ca}`),
    })
    await writeFile(ca, 'no certificate')
    await expect(open(url, { tls: { ca } })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(`${ca} is no PEM file`),
    })
  })

  it('come with both certificate and key', async () => {
    const { cert, key } = await testCertificates()
    await expect(open('tls://127.0.0.1:1', { tls: { cert } })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(/tls\.cert is set without tls\.key/),
    })
    await expect(open('tls://127.0.0.1:1', { tls: { key } })).rejects.toMatchObject({ code: 'bad_config' })
  })
})
