import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { createPublisher } from '../../../src/bus/publish.ts'
import { requestJson } from '../../../src/bus/request.ts'
import type { Parked } from '../../../src/protocol/reaction.ts'
import { streamNames } from '../../../src/protocol/streams.ts'
import { serveDecide } from '../../../src/reactor/decide.ts'
import { createHandOver } from '../../../src/reactor/hand-over.ts'
import { openCore, storedIn } from '../../helpers/core.ts'
import { startTestServer, type TestServer } from '../../helpers/server.ts'
import { createSeen } from '../../helpers/wait.ts'
import { bundleOf, follow, startReactor } from './reactors.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const grouped = (arg: string) => `rule: r\non: n/*\ngroup: { for: 1h, most: 3 }\ndo:\n  - runner.test.arg: ["${arg}"]\n`

it('a reaction that could not be rendered keeps what was collected, and is rendered on it once its rule is mended', async () => {
  const core = await openCore(server)
  const { nc, ns, subjects } = core
  const seen = await follow(core)
  const parked = createSeen<string>()
  nc.subscribe(`${ns}.decision.parked.>`, { callback: (_error, { subject }) => parked.push(subject) })
  await nc.flush()
  const reactor = await startReactor(core, server.url)
  reactor.windows.use(bundleOf('b1', grouped('{{ data.missing.deep }}')))
  for (let n = 1; n <= 3; n++) await core.fire('n/1', { n })
  await parked.reach(1)
  const [kept] = await storedIn<Parked>(nc, streamNames(ns).parked)
  const { event, seen: collected } = kept!.body.reaction

  const publisher = createPublisher(nc)
  const decide = await serveDecide({
    ...{ nc, subjects, grainsOf: () => undefined, lookUp: async () => ({}), log: silentLog },
    handOver: createHandOver(publisher, subjects),
  })
  onTestFinished(async () => {
    await decide.stop()
    publisher.stop()
  })
  decide.use(bundleOf('b2', grouped("{{ window.events | map(attribute='data.n') | list }}")))
  const request = { seq: event.seq, id: event.id, rule: 'r', attempt: 2 }
  const ask = (body: unknown) => requestJson(nc, subjects.decide, body, { timeoutMs: 20_000, what: 'decide' })
  await expect(ask(request)).rejects.toMatchObject({ code: 'function_failed' })
  await ask({ ...request, window: { event, seen: collected } })
  expect(await seen.reactions.reach(1)).toMatchObject([{ rule: 'r', bundle: 'b2', args: [[1, 2, 3]] }])
})
