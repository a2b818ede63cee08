// The examples of docs/webhooks.md, as they stand there: its hooks as the config, its commands by a shell.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { startTestServer } from '../helpers/server.ts'
import { openGateway } from './gate.ts'

it('takes what the senders of docs/webhooks.md send', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/webhooks.md'), 'utf8')
  const blocks = (kind: string) =>
    [...page.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(match => match[1]!)
  const hooks = Object.assign(
    {},
    ...blocks('yaml')
      .filter(text => text.startsWith('/hook/'))
      .map(text => parse(text)),
  )
  process.env.SECRET = 'change-me'
  onTestFinished(() => void delete process.env.SECRET)
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const gate = await openGateway(server, { hooks })
  const script = blocks('sh')
    .join('\n')
    .replace('http://127.0.0.1:8000', gate.url)
    .replaceAll('curl ', 'curl -sS --noproxy "*" ')
  const { stdout } = await promisify(execFile)('bash', ['-c', script])
  expect(
    stdout
      .trim()
      .split('\n')
      .filter(line => !/^\{"events?":/.test(line)),
  ).toEqual([])
  expect((await gate.stored()).map(({ tag }) => tag)).toEqual([
    'salt/netapi/hook/ci/build',
    'salt/netapi/hook/public',
    'salt/netapi/hook/github/issues',
    'salt/netapi/hook/slack',
    'salt/netapi/hook/stripe',
    'salt/netapi/hook/shop',
    'salt/netapi/hook/alerts/firing',
  ])
})
