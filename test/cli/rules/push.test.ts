// How rules travel to a job worker on a server whose messages are small.
import { randomBytes } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Client } from '../../../src/cli/client.ts'
import { sendRules } from '../../../src/cli/rules/push.ts'
import type { PushRequest } from '../../../src/protocol/rule-view.ts'
import { createSubjects } from '../../../src/protocol/subject.ts'
import { unpackRules } from '../../../src/reactor/bundle/push.ts'
import type { RuleDocument } from '../../../src/reactor/rules/schema.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ config: 'max_payload: 65536\n' })
})
afterAll(() => server.stop())

const rule = (name: string): RuleDocument => ({
  rule: name,
  description: randomBytes(200).toString('hex'),
  on: ['x/*'],
  do: [{ kind: 'runner', fun: 'test.arg', params: null }],
  source: { file: 'r.yaml', line: 1 },
})

async function open() {
  const nc = await connect({ servers: server.url })
  onTestFinished(() => nc.close())
  const subjects = createSubjects('own')
  const asked: PushRequest[] = []
  nc.subscribe(subjects.runner('rules.push'), {
    callback: (_error, message) => {
      const [kwarg] = message.json<[PushRequest & { __kwarg__: true }]>()
      const { __kwarg__: _mark, ...request } = kwarg
      asked.push(request)
      message.respond(JSON.stringify({ bundle: String(asked.length) }))
    },
  })
  return { client: { bus: { nc, subjects }, user: 'ada' } as unknown as Client, asked }
}

it('rules that fit go in one message', async () => {
  const { client, asked } = await open()
  const rules = [rule('a'), rule('b')]
  await sendRules(client, rules, { name: 'x', dry_run: true })
  expect(asked).toEqual([{ packed: expect.any(String), name: 'x', dry_run: true }])
  expect(unpackRules(asked[0]!.packed!)).toEqual(rules)
})

it('rules that do not are cut into parts that make them whole again, and the last one answers', async () => {
  const { client, asked } = await open()
  const rules = Array.from({ length: 1000 }, (_, index) => rule(`rule-${index}`))
  const result = await sendRules(client, rules, { name: 'x', dry_run: false })
  expect(asked.length).toBeGreaterThan(3)
  expect(result).toEqual({ bundle: String(asked.length) })
  const of = asked.length
  const upload = asked[0]!.part!.upload
  expect(asked.map(({ part }) => part)).toEqual(asked.map((_, index) => ({ upload, index, of })))
  expect(asked.every(({ name, dry_run }) => name === 'x' && !dry_run)).toBe(true)
  expect(unpackRules(asked.map(({ packed }) => packed).join(''))).toEqual(rules)
})
