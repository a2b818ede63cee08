import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testCertificates } from '../helpers/certificates.ts'
import { startTestServer } from '../helpers/server.ts'
import { within } from '../helpers/wait.ts'
import { openGateway } from './gate.ts'

describe('a gateway with a certificate', () => {
  it('takes webhooks by HTTPS', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const { ca: authority, cert, key } = await testCertificates()
    const tls = { cert, key }
    const gate = await openGateway(server, { tls, hooks: { '/hook/x': { auth: 'none' } } })
    expect(gate.url).toMatch(/^https:/)
    const ca = await readFile(authority)
    const status = await within(
      new Promise<number | undefined>((resolve, reject) => {
        const sent = request(`${gate.url}/hook/x`, { method: 'POST', ca, agent: false }, response => {
          response.resume()
          resolve(response.statusCode)
        })
        sent.on('error', reject)
        sent.end('words')
      }),
      'the answer',
    )
    expect(status).toBe(202)
    expect(await gate.stored()).toHaveLength(1)
  })
})
