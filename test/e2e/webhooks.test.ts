import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { untilTaken } from '../helpers/wait.ts'
import { startReactor } from './reactor.ts'

it('is started by reactor up where the config has hooks, within the permissions of its account', async () => {
  const file = join(await testFolder(), 'token')
  await writeFile(file, 'e2e-token-1234\n', { mode: 0o600 })
  const auth = { type: 'bearer', secrets: [{ file }] }
  const reactor = await startReactor({
    args: ['--id', 'web1', '--metrics-port', '0'],
    config: { gateway: { port: 0, address_rate: 0, hooks: { '/hook/ci/**': { auth } } } },
  })
  onTestFinished(() => reactor.clean())
  const { webhooks, processes, metrics } = reactor.ready as unknown as {
    webhooks: string
    processes: object
    metrics: Record<string, string>
  }
  expect(Object.keys(processes)).toContain('gateway')
  const send = (token: string) =>
    fetch(`${webhooks}/hook/ci/build`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"n":1}',
    })
  expect((await send('wrong')).status).toBe(401)
  expect((await send('e2e-token-1234')).status).toBe(202)
  await writeFile(file, 'e2e-token-5678\n')
  await untilTaken('the new token', async () => {
    if ((await send('e2e-token-5678')).status !== 202) throw new Error('not yet')
  })
  expect((await send('e2e-token-1234')).status).toBe(401)
  const line = await reactor.lines.find(({ tag }) => tag === 'salt/netapi/hook/ci/build', 'the event in the tail')
  expect(line.data).toMatchObject({ post: { n: 1 }, body: '' })
  const text = await (await fetch(`${metrics.gateway}/metrics`)).text()
  expect(text).toContain('reactor_gateway_requests_total{hook="/hook/ci/**",result="stored"} 2')
  expect(text).toMatch(/^reactor_gateway_requests_total\{hook="\/hook\/ci\/\*\*",result="unauthorized"\} [1-9]/m)
  expect(text).toMatch(/^reactor_metrics_failures_total 0$/m)
})
