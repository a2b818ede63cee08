// Certificates for tests, made as `reactor certs init` makes them, and a nats-server that shows one.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { issueCertificates } from '../../src/bus/server/certificate-folder.ts'
import { testFolder } from './folder.ts'
import { startTestServer } from './server.ts'

export interface TestCertificates {
  dir: string
  ca: string
  cert: string
  key: string
}

const DAY_MS = 86_400_000

/** In a folder of the test's own, or in `dir` under its authority. `expired`: by a day. */
export async function testCertificates(
  options: { hosts?: string; dir?: string; name?: string; expired?: boolean } = {},
): Promise<TestCertificates> {
  const { hosts = 'localhost,127.0.0.1', dir = await testFolder(), name = 'server', expired = false } = options
  const now = new Date(Date.now() - (expired ? 2 * DAY_MS : 0))
  const { ca, server } = await issueCertificates({ dir, hosts, name, days: 1, org: 'test', force: false, now })
  return { dir, ca: ca.cert, cert: server.cert, key: server.key }
}

/** A bare server that takes clients over TLS alone; ended with the test. */
export async function startTlsServer(certificates: TestCertificates, options: { verify?: boolean } = {}) {
  const { cert, key, ca } = certificates
  const files = { cert_file: cert, key_file: key, ...(options.verify ? { ca_file: ca, verify: true } : {}) }
  const server = await startTestServer({ config: `tls ${JSON.stringify(files)}\n` })
  onTestFinished(() => server.stop())
  const { port } = new URL(server.url)
  return {
    port,
    nats: `nats://localhost:${port}`,
    tls: `tls://localhost:${port}`,
    byAddress: `tls://127.0.0.1:${port}`,
  }
}

/** A folder whose authority signed nothing that is used. */
export const otherAuthority = async (): Promise<string> => join((await testCertificates()).dir, 'ca.pem')
