// Orchestrations on a job worker, over a file_roots in memory.
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { FileSource } from '../../src/files/source.ts'
import { callFunction } from '../../src/functions/call.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { MinionPillars, RunnerContext } from '../../src/functions/runner-context.ts'
import type { StateResult } from '../../src/functions/states.ts'
import { createOrchestrations } from '../../src/jobs/orchestrate.ts'

const registry = await loadFunctions('orchestration')
const runners = await loadFunctions('runner')
const MASTER = `${hostname()}_master`

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const sourceOf = (files: Record<string, string>): FileSource => ({
  chunkBytes: () => 16,
  envs: async () => ['base'],
  list: async () => Object.keys(files).sort(),
  hash: async path => {
    const text = files[path]
    return text === undefined ? undefined : { hash_type: 'sha256', hsum: sha256(text), size: text.length, mode: 0o644 }
  },
  read: async ({ path, offset, length }) => Buffer.from(files[path]!).subarray(offset, offset + length),
})

function open(files: Record<string, string>, errors: string[] = []) {
  const fired: { tag: string; data: Record<string, unknown> }[] = []
  const called: unknown[][] = []
  const asked: unknown[] = []
  const stopping = new AbortController()
  const context = {
    ...{ jid: '20260101000000000000', log: silentLog, signal: stopping.signal },
    fire: async (tag: string, data: Record<string, unknown>) => void fired.push({ tag, data }),
    run: async (...call: unknown[]) => {
      called.push(call)
      return { jid: '1', success: call[1] !== 'test.fail', return: call[1] === 'manage.up' ? ['web1', 'web2'] : 'done' }
    },
    pillars: {
      show: async (id: string, request: Parameters<MinionPillars['show']>[1]) => {
        asked.push([id, request])
        return { value: { site: 'blue', ...request?.override }, errors }
      },
    },
  } as unknown as RunnerContext
  const make = createOrchestrations({
    files: sourceOf(files),
    ...{ registry, runners: ['manage.up', 'test.fail'], log: silentLog },
  })
  const job = { ...context, orchestrations: make(() => context) } as RunnerContext
  return {
    ...{ fired, called, asked, stopping },
    call: (fun: string, arg: unknown[], kwarg: Record<string, unknown> = {}) =>
      callFunction(runners, fun, arg, kwarg, job),
  }
}

const results = (outcome: unknown) => {
  const { value } = outcome as { value: { data: Record<string, Record<string, StateResult>> } }
  return Object.values(value.data[MASTER]!).map(({ __id__, result, comment }) => [__id__, result, comment])
}

describe('state.orchestrate', () => {
  it('runs the steps of an SLS in the order of their requisites, and returns as Salt does', async () => {
    const { call, called } = open({
      'deploy/site.sls': `last:
  salt.runner:
    - name: manage.up
    - require:
        - salt: first
first:
  salt.wheel:
    - name: key.list_all
`,
    })
    const outcome = await call('state.orchestrate', ['deploy.site'])
    expect(outcome).toMatchObject({ ok: true, value: { outputter: 'highstate', retcode: 0 } })
    expect(called.map(([kind, fun]) => `${kind} ${fun}`)).toEqual(['wheel key.list_all', 'runner manage.up'])
    expect(results(outcome)).toEqual([
      ['first', true, "Wheel function 'key.list_all' executed."],
      ['last', true, "Runner function 'manage.up' executed."],
    ])
  })

  it('fails, with its return and the reason, where a step has failed; what requires that does not run', async () => {
    const { call, called } = open({
      'a.sls': 'broken: {salt.runner: [{name: test.fail}]}\nnext: {test.nop: [{require: [{salt: broken}]}]}\n',
    })
    const outcome = await call('state.orch', ['a'])
    expect(outcome).toMatchObject({ ok: false, code: 'function_failed', value: { retcode: 1, outputter: 'highstate' } })
    expect((outcome as { message: string }).message).toBe(
      "broken: Runner function 'test.fail' failed.; next: One or more requisite failed: a.broken",
    )
    expect(results(outcome)).toEqual([
      ['broken', false, "Runner function 'test.fail' failed."],
      ['next', false, 'One or more requisite failed: a.broken'],
    ])
    expect(called).toHaveLength(1)
  })

  it('renders with the pillar of the master, what is laid over it, and runner functions', async () => {
    const { call, asked } = open({
      'a.sls': `{% for id in salt['manage.up']() %}
{{ id }} {{ pillar.site }} {{ pillar.version }} {{ salt['saltutil.runner']('manage.up') | length }}: test.nop
{% endfor %}`,
    })
    const outcome = await call('state.sls', ['a'], { pillar: { version: 4 }, pillarenv: 'dev' })
    expect(results(outcome).map(([id]) => id)).toEqual(['web1 blue 4 2', 'web2 blue 4 2'])
    const grains = { id: MASTER, host: hostname() }
    expect(asked).toEqual([[MASTER, { grains, saltenv: 'base', override: { version: 4 }, pillarenv: 'dev' }]])
  })

  it('does nothing in a test, and says what it would do', async () => {
    const { call, called } = open({ 'a.sls': 'x: {salt.runner: [{name: manage.up}]}' })
    const outcome = await call('state.orchestrate', ['a'], { test: true })
    expect(results(outcome)).toEqual([['x', null, "Runner function 'manage.up' would be executed."]])
    expect([outcome.ok, called]).toEqual([true, []])
  })

  it.each<[string, Record<string, string>, string, string[]]>([
    ['there is no such SLS', { 'ab.sls': 'x: test.nop' }, 'ac', ["No matching sls found for 'ac' in env 'base'"]],
    ['a step is unknown', { 'a.sls': 'x: salt.stat' }, 'a', ['salt.stat', "Did you mean 'salt.state'?"]],
    ['a state of minions is in it', { 'a.sls': 'x: file.absent' }, 'a', ['file.absent']],
    ['a requisite goes round', { 'a.sls': 'x: {test.nop: [{require: [{test: x}]}]}' }, 'a', ['recursive requisite']],
    ['it does not render', { 'a.sls': '{{ nothing.here }}: test.nop' }, 'a', ["Rendering SLS 'base:a' failed"]],
  ])('is refused before anything runs where %s', async (_what, files, mods, said) => {
    const outcome = await open(files).call('state.orchestrate', [mods])
    expect(outcome).toMatchObject({ ok: false, value: { retcode: 1 } })
    for (const part of said) expect(JSON.stringify(outcome)).toContain(part)
  })

  it('is refused where the pillar does not render', async () => {
    const outcome = await open({ 'a.sls': 'x: test.nop' }, ['Rendering failed']).call('state.orchestrate', ['a'])
    expect(outcome).toMatchObject({
      value: { data: { [MASTER]: ['Pillar failed to render with the following messages:', 'Rendering failed'] } },
    })
  })

  it('leaves out what it is told to, and tells of each step in an event of its own job', async () => {
    const { call, fired } = open({ 'a.sls': 'x: test.nop\ny: test.succeed_with_changes\n' })
    await call('state.orchestrate', ['a'], { exclude: [{ id: 'x' }] })
    expect(fired.map(({ tag }) => tag)).toEqual([`salt/run/20260101000000000000/prog/${MASTER}/0`])
    expect(JSON.stringify(fired[0]!.data)).toContain('"__id__":"y"')
  })

  it('has no return where it is stopped', async () => {
    const { call, stopping } = open({ 'a.sls': 'x: test.nop' })
    stopping.abort(new Error('the process is stopping'))
    expect(await call('state.orchestrate', ['a'])).toMatchObject({ ok: false, code: 'stopped' })
  })

  it('asks conditions of functions, and refuses those that a shell would read', async () => {
    const { call } = open({
      'a.sls': 'x: {test.nop: [{unless: [{fun: manage.up}]}]}\ny: {test.nop: [{unless: "true"}]}\n',
    })
    expect(results(await call('state.orchestrate', ['a']))).toEqual([
      ['x', true, 'unless condition is true'],
      ['y', false, expect.stringContaining('not supported here')],
    ])
  })

  it('takes values of an event in its pillar that are words or numbers, and nothing else of an event', async () => {
    const untrusted = (kwarg: Record<string, unknown>, ...path: string[]) =>
      callFunction(runners, 'state.orchestrate', [], { mods: 'a', ...kwarg }, {} as RunnerContext, {
        ...{ paths: [['kwarg', ...path]], by: 'rule:r' },
      })
    // It is let in, and fails on the empty context.
    for (const version of ['1.4.2', 7, true, 'feature/x'])
      expect((await untrusted({ pillar: { version } }, 'pillar', 'version')) as unknown).toMatchObject({
        message: expect.not.stringContaining('holds a value from the event'),
      })
    for (const version of ['a: b', 'x\ny: cmd.run', '../x', '{{ x }}', '-rf', { a: 1 }, 'G@os'])
      expect((await untrusted({ pillar: { version } }, 'pillar', 'version')) as unknown).toMatchObject({
        ...{ code: 'bad_argument', message: expect.stringContaining('it could be more than a value') },
      })
    for (const [kwarg, path] of [
      [{}, ['mods']],
      [{ pillar: {} }, ['pillar']],
      [{ saltenv: 'x' }, ['saltenv']],
    ] as const)
      expect(await untrusted(kwarg, ...path)).toMatchObject({ ok: false, code: 'bad_argument' })
  })
})

describe('state.orchestrate_single and state.orchestrate_show_sls', () => {
  it('run one step, with its arguments', async () => {
    const { call, called } = open({})
    const outcome = await call('state.orchestrate_single', ['salt.runner', 'manage.up'], { kwarg: { a: 1 } })
    expect(results(outcome)).toEqual([['manage.up', true, "Runner function 'manage.up' executed."]])
    expect(called).toEqual([['runner', 'manage.up', [], { a: 1 }]])
  })

  it('show the data and run nothing', async () => {
    const { call, called } = open({ 'a.sls': 'x: {salt.runner: [{name: manage.up}]}' })
    const outcome = await call('state.orchestrate_show_sls', ['a'])
    expect(outcome).toMatchObject({ ok: true, value: { [MASTER]: { x: { __sls__: 'a', __env__: 'base' } } } })
    expect(called).toEqual([])
    expect(await call('state.orchestrate_show_sls', ['b'])).toMatchObject({
      ok: false,
      value: { [MASTER]: [expect.any(String)] },
    })
  })
})
