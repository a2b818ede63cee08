import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createPublisher } from '../../src/bus/publish.ts'
import { requestJson } from '../../src/bus/request.ts'
import type { ReactionBatch } from '../../src/protocol/reaction.ts'
import { streamNames } from '../../src/protocol/streams.ts'
import { compileBundle } from '../../src/reactor/compiled-bundle.ts'
import { serveDecide } from '../../src/reactor/decide.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { openCore, storedIn } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { bundle } from './dispatching.ts'

const RULES = [
  'rule: any\non: my/*\nwhen: { all: [{ fact: data, path: $.n, operator: equal, value: 1 }] }\ndo:\n  - runner.test.arg: ["{{ data.n }}"]\n',
  'rule: bad\non: my/*\ndo:\n  - runner.test.arg: ["{{ data.missing.deep }}"]\n',
  'rule: counts\non: my/*\ncount: { at_least: 2, within: 1m }\ndo: runner.test.arg\n',
  'rule: silent\non: my/*\nmode: shadow\ndo: runner.test.arg\n',
  'rule: out\non: my/*\ndo: runner.test.arg\n',
].join('---\n')
let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function start() {
  const core = await openCore(server)
  const nc = await connect({ servers: server.url })
  const publisher = createPublisher(nc)
  const decide = await serveDecide({
    ...{ nc, subjects: core.subjects, grainsOf: () => undefined, lookUp: async () => ({}), log: silentLog },
    handOver: createHandOver(publisher, core.subjects),
  })
  decide.use(compileBundle({ ...bundle('b1', RULES), off: ['out'] }))
  onTestFinished(async () => {
    await decide.stop()
    publisher.stop()
    await nc.close()
  })
  const ask = (body: unknown) => requestJson(core.nc, core.subjects.decide, body, { timeoutMs: 20_000, what: 'decide' })
  const stored = () => storedIn<ReactionBatch>(core.nc, streamNames(core.ns).reactions)
  return { ...core, ask, stored }
}

describe('an event decided anew', () => {
  it('has its reaction stored under the number of the attempt, by the rule as it is now', async () => {
    const { ask, fire, stored } = await start()
    const { id, seq } = await fire('my/tag', { n: 1 })
    expect(await ask({ seq, id, rule: 'any', attempt: 2 })).toEqual({ stored: true })
    const [message] = await stored()
    expect(message).toMatchObject({ id: `${id}/any#2`, body: { rule: 'any', bundle: 'b1' } })
    expect(message!.body.reactions).toMatchObject([
      { attempt: 2, event: { id, seq, tag: 'my/tag' }, actions: [{ fun: 'test.arg', arg: [1] }] },
    ])
  })

  it('has the rule that asked for it among its causes', async () => {
    const { ask, fire, stored } = await start()
    const { id, seq } = await fire('my/tag', { n: 1 }, { hops: 1, chain: 'before' })
    await ask({ seq, id, rule: 'any', attempt: 2, hops: 5, chain: 'before,again' })
    expect((await stored())[0]!.body.reactions).toMatchObject([{ event: { id, hops: 6, chain: 'before,again' } }])
  })

  it.each([
    ['any', 'other/tag', { n: 1 }, 'function_failed', "the conditions of rule 'any' do not hold any more"],
    ['any', 'my/tag', { n: 2 }, 'function_failed', "the conditions of rule 'any' do not hold any more"],
    ['gone', 'my/tag', {}, 'not_found', "rule 'gone' is not in force"],
    ['bad', 'my/tag', {}, 'template', "rule 'bad', do[0] runner.test.arg"],
    ['counts', 'my/tag', {}, 'function_failed', "rule 'counts' looks at many events"],
    ['silent', 'my/tag', {}, 'function_failed', "rule 'silent' is in shadow mode"],
    ['out', 'my/tag', {}, 'function_failed', "rule 'out' is off"],
  ])('is refused by rule %s on %s %j', async (rule, tag, data, code, message) => {
    const { ask, fire, stored } = await start()
    const { id, seq } = await fire(tag, data)
    await expect(ask({ seq, id, rule, attempt: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(await stored()).toEqual([])
  })

  it('is refused where the event is gone, though a later one is there', async () => {
    const { ask, fire } = await start()
    const { id, seq } = await fire('my/tag', { n: 1 })
    await expect(ask({ seq: 9, id, rule: 'any', attempt: 1 })).rejects.toMatchObject({ code: 'not_found' })
    // Of a stream that was made anew.
    await expect(ask({ seq, id: 'another', rule: 'any', attempt: 1 })).rejects.toMatchObject({ code: 'not_found' })
  })

  it.each([
    null,
    {},
    { seq: 0, id: 'e', rule: 'any', attempt: 1 },
    { seq: 1, id: 'e', rule: 'any' },
    { seq: 1, rule: 'any', attempt: 1 },
    { seq: '1', id: 'e', rule: 'any', attempt: 1 },
  ])('is refused for the request %j', async body => {
    const { ask } = await start()
    await expect(ask(body)).rejects.toMatchObject({ code: 'bad_argument' })
  })
})
