// From the event to the minion and back: a dispatcher, a job worker and a minion's engine on one real server.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Contexts } from '../../src/functions/context.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { openAnnounce } from '../../src/jobs/announce.ts'
import { forwarding } from '../../src/jobs/forwarding.ts'
import { openLedger } from '../../src/jobs/ledger.ts'
import { startReactions } from '../../src/jobs/reactions/start.ts'
import { createFunctionJobs } from '../../src/jobs/run-function.ts'
import { createWheelClient } from '../../src/jobs/wheel-client.ts'
import { listenForJobs } from '../../src/minion/listen.ts'
import { minionOrigin, type Origin, serviceOrigin, userOrigin } from '../../src/protocol/origin.ts'
import type { Decision, Parked } from '../../src/protocol/reaction.ts'
import { compileBundle } from '../../src/reactor/compiled-bundle.ts'
import { createDispatcher } from '../../src/reactor/dispatch.ts'
import { createHandOver } from '../../src/reactor/hand-over.ts'
import { createLoopGuard } from '../../src/reactor/loop.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'
import { createSuppressions } from '../../src/reactor/suppressions.ts'
import { argumentsOf } from '../../src/report/retry.ts'
import { serveFunctions } from '../../src/services/functions.ts'
import { noAudit, openAuthority } from '../helpers/authority.ts'
import { openCore } from '../helpers/core.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { createSeen } from '../helpers/wait.ts'
import { createWorld } from '../minion/engine.ts'
import { openWorker, YES } from './worker.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** All of it, with the minion web1; `fire` says what becomes of an event. */
async function start(rules: string) {
  const core = await openCore(server)
  const { nc, ns, subjects, publisher } = core
  const world = await createWorld()
  world.clock.now = Date.now()
  const worker = await openWorker(core, { web1: undefined, web2: YES })
  const engine = await world.start()
  const listening = listenForJobs({ nc, subjects, id: 'web1', isolation: 'none', engine, log: silentLog })
  const registry = { runner: await loadFunctions('runner'), wheel: await loadFunctions('wheel') }
  const announce = await openAnnounce(nc, subjects, publisher, '_jobs')
  const functions = <K extends 'runner' | 'wheel'>(kind: K) =>
    createFunctionJobs({
      kind,
      registry: registry[kind] as never,
      records: worker.records,
      announce,
      fire: core.fire,
      profiles: { smtp: {}, http: {} },
      runTimeoutMs: 10_000,
      storeReturn: () => Promise.reject(new Error('too large')),
      audit: noAudit,
      log: silentLog,
      // What is called here uses nothing beyond what every kind of function has.
      extend: context => context as Contexts[K],
    })
  await serveFunctions({
    nc,
    subjects,
    registry: registry.wheel,
    run: functions('wheel').run,
    authority: openAuthority({ statics: {}, audit: noAudit }),
    log: silentLog,
  })
  const ended = createSeen<{ key: string; state: string; reason: string | undefined }>()
  nc.subscribe(`${ns}.decision.done.>`, {
    callback: (_error, message) => {
      for (const { key, state, reason } of message.json<{ decisions: Decision[] }>().decisions)
        ended.push({ key, state, reason })
    },
  })
  nc.subscribe(`${ns}.decision.parked.>`, { callback: (_error, message) => void parked.push(message.json<Parked>()) })
  const parked = createSeen<Parked>()
  await nc.flush()
  const ledger = await openLedger(nc, subjects, publisher, 'w1', silentLog, { keepMs: 60_000, clock: systemClock })
  const alarms = { raise: () => undefined, clear: () => undefined }
  const reactions = await startReactions({
    nc,
    subjects,
    publisher,
    fire: core.fire,
    ledger,
    alarms,
    publishJob: worker.publish,
    resolveJob: worker.resolve,
    knownMinions: () => 2,
    runFunction: functions('runner').run,
    callWheel: createWheelClient(nc, subjects),
    marks: { release: () => undefined },
    concurrency: 10,
    clock: systemClock,
    log: silentLog,
  })
  const dispatcher = createDispatcher({
    ...{ subjects, publisher, alarms, grainsOf: () => ({ os: 'Debian' }), lookUp: async () => ({}), log: silentLog },
    handOver: createHandOver(publisher, subjects),
    suppressions: createSuppressions(publisher, subjects, 'r1'),
    guard: createLoopGuard({ rate: 0, clock: systemClock }),
  })
  const { rules: documents, problems } = loadRuleText('r.yaml', rules)
  expect(problems).toEqual([])
  dispatcher.use(compileBundle({ hash: 'h', rules: documents }))
  onTestFinished(async () => {
    await reactions.stop()
    await ledger.stop()
    await listening.stop()
  })
  let events = 0
  const fire = async (origin: Origin, data: Record<string, unknown>, tag = 'my/tag') => {
    const id = `event-${++events}`
    dispatcher.handle({
      subject: subjects.event(origin, tag),
      text: () => JSON.stringify({ tag, data }),
      header: name => (name === 'Nats-Msg-Id' ? id : undefined),
      storedMs: Date.now(),
      seq: events,
      ack: () => undefined,
      receipt: () => ({ ack: () => undefined, retry: () => undefined, working: () => undefined }),
    })
    return ended.find(one => one.key.startsWith(`${id}/`), `the end of ${id}`)
  }
  return { ...core, world, worker, fire, parked, ended }
}
const minion = minionOrigin('web1')
const EVIL = '; echo owned #'

describe('a value that a minion sent', () => {
  it('does not become a shell word on its way to a command: the return says why', async () => {
    const { fire, world } = await start(
      'rule: r\non: my/*\ndo:\n  - local.cmd.run: { tgt: web1, args: ["echo {{ data.x }}"], kwargs: { python_shell: true } }\n',
    )
    expect(await fire(minion, { x: EVIL })).toMatchObject({ state: 'done' })
    const [first] = await world.returns.reach(1)
    expect(first!.data).toMatchObject({ success: false, fun: 'cmd.run' })
    expect(first!.data.return).toContain("cmd.run: argument 'cmd' holds a value from the event of rule:r")
    // The same from an operator is their own word.
    await fire(userOrigin('ann'), { x: 'hello' })
    expect((await world.returns.reach(2))[1]!.data).toMatchObject({ success: true, return: 'hello' })
  })

  it('is one word of a list, and as it came where the rule allows it', async () => {
    const { fire, world } = await start(
      'rule: r\non: my/*\ndo:\n  - local.cmd.run: { tgt: "{{ data.id }}", args: [[echo, "{{ data.x }}"]] }\n---\nrule: s\non: my/*\ndo:\n  - local.cmd.run: { tgt: web1, args: ["echo {{ data.x | allow_untrusted }}"], kwargs: { python_shell: true } }\n',
    )
    await fire(minion, { x: EVIL })
    const returned = (await world.returns.reach(2)).map(({ data }) => data.return)
    expect(returned.sort()).toEqual(['\nowned', '; echo owned #'])
  })

  it.each([
    ['tgt: "{{ data.x }}"', '*', '"*" is no minion\'s id'],
    ['tgt: "{{ data.x }}", tgt_type: list', 'web1,web2', "is no minion's id"],
    ['tgt: [web1, "{{ data.x }}"]', 'web*', '"web*" is no minion\'s id'],
    ['tgt: "{{ data.x }}"', ['web1', '*'], '"*" is no minion\'s id'],
    ['tgt: "web1 and {{ data.x }}", tgt_type: compound', 'web1 or *', 'a target of type compound'],
    ['tgt: "os:{{ minion.os }}", tgt_type: grain', 'x', 'a target of type grain'],
  ])('is no more than an id in a target: %s with %j is parked', async (target, x, reason) => {
    const { fire, parked, worker } = await start(`rule: r\non: my/*\ndo:\n  - local.test.ping: { ${target} }\n`)
    const end = await fire(minion, { x })
    expect(end.state).toBe('parked')
    expect(end.reason).toContain('local.test.ping: the target holds a value from the event of rule:r')
    expect(end.reason).toContain(reason)
    expect((await parked.reach(1))[0]!.reason).toBe(end.reason)
    expect(worker.got.items).toEqual([])
  })

  it('is a target where it is an id', async () => {
    const { fire, worker } = await start('rule: r\non: my/*\ndo:\n  - local.test.ping: { tgt: "{{ data.x }}" }\n')
    await fire(minion, { x: 'web2' })
    expect((await worker.got.reach(1))[0]).toMatchObject({ id: 'web2', job: { tgt: 'web2' } })
    expect(worker.got.items[0]!.job).not.toHaveProperty('untrusted')
  })

  it('parks the runner and the wheel function that may not have it', async () => {
    const { fire } = await start(
      'rule: run\non: my/run\ndo:\n  - runner.http.query: { url: "{{ data.x }}" }\n---\nrule: wheel\non: my/wheel\ndo:\n  - wheel.sys.doc: ["{{ data.x }}"]\n',
    )
    expect(await fire(minion, { x: 'http://127.0.0.1:9/' }, 'my/run')).toMatchObject({
      state: 'parked',
      reason: expect.stringContaining(
        "runner.http.query: http.query: argument 'url' holds a value from the event of rule:run",
      ),
    })
    expect(await fire(minion, { x: 'sys.doc' }, 'my/wheel')).toMatchObject({
      state: 'parked',
      reason: expect.stringContaining(
        "'prefix' holds a value from the event of rule:wheel and is used as an argument of a wheel",
      ),
    })
    expect(await fire(userOrigin('ann'), { x: 'sys.doc' }, 'my/wheel')).toMatchObject({ state: 'done' })
  })
})

describe('a job with untrusted arguments', () => {
  it('keeps their marks in its record, for minions that fetch it later and for a retry', async () => {
    const { worker } = await start('rule: r\non: my/*\ndo: runner.test.arg\n')
    const untrusted = [['tgt'], ['arg', 0], ['kwarg', 'a.b', 1]]
    const request = { tgt: 'web2', fun: 'test.arg', arg: ['x'], kwarg: { 'a.b': [1, 2] } }
    const { jid } = await worker.publish(request, { user: 'rule:r', untrusted })
    const marks = [
      ['arg', 0],
      ['kwarg', 'a.b', 1],
    ]
    expect((await worker.got.reach(1))[0]!.job.untrusted).toEqual(marks)
    const record = await worker.records.find(jid)
    expect(argumentsOf({} as never, record)).toEqual({ arg: request.arg, kwarg: request.kwarg, untrusted: marks })
    await worker.missed.mark({ jid, deadline: Date.now() + 60_000 }, ['web2'])
    expect((await worker.missed.page('web2', [])).jobs[0]!.untrusted).toEqual(marks)
  })

  it('of a rule has all of them marked where only the job cache still knows it', () => {
    const job = { jid: '1', fun: 'cmd.run', user: 'rule:r', arg: ['a', { __kwarg__: true, cwd: '/' }] }
    expect(argumentsOf(job as never, undefined).untrusted).toEqual([
      ['arg', 0],
      ['kwarg', 'cwd'],
    ])
    expect(argumentsOf({ ...job, user: 'ann' } as never, undefined)).not.toHaveProperty('untrusted')
  })

  it('that a runner starts with such values has all of them marked', () => {
    const request = { tgt: 'web*', fun: 'test.arg', arg: [1], kwarg: { k: 2 } }
    const asked = { user: 'rule:r' }
    expect(forwarding(request, {}, asked)).toEqual([request, asked])
    expect(forwarding({ ...request, untrusted: [['arg', 0]] }, {}, asked)).toEqual([
      request,
      { ...asked, untrusted: [['arg', 0]] },
    ])
    expect(forwarding(request, { untrusted: [['kwarg', 'x']] }, asked)).toEqual([
      request,
      { ...asked, untrusted: [['tgt'], ['arg', 0], ['kwarg', 'k']] },
    ])
  })
})

describe('an event that a rule fires with such a value', () => {
  it('does not make it trusted: the service that fires it is taken to repeat it', async () => {
    const { fire, world, events } = await start(
      'rule: again\non: my/*\ndo:\n  - runner.event.send: { tag: second/tag, data: { x: "{{ data.x }}" } }\n---\nrule: run\non: second/*\ndo:\n  - local.cmd.run: { tgt: web1, args: ["echo {{ data.x }}"] }\n',
    )
    expect(await fire(minion, { x: 'x' })).toMatchObject({ state: 'done' })
    const second = await events.find(({ tag }) => tag === 'second/tag', 'the second event')
    expect(second.origin).toEqual(serviceOrigin('_jobs'))
    await fire(second.origin, second.data, second.tag)
    expect((await world.returns.reach(1))[0]!.data.return).toContain('holds a value from the event of rule:run')
  })

  it('may not speak below salt/ by it, where services are believed', async () => {
    const { fire } = await start('rule: r\non: my/*\ndo:\n  - runner.event.send: { tag: "{{ data.x }}" }\n')
    expect(await fire(minion, { x: 'salt/auth' })).toMatchObject({
      state: 'parked',
      reason: expect.stringContaining('what lies below salt/ is believed from services'),
    })
  })
})
