import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { systemClock } from '../../src/base/clock.ts'
import { ReactorError } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { execution } from '../../src/functions/define.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import { createRegistry } from '../../src/functions/registry.ts'
import { createOwnRun } from '../../src/mine/own-run.ts'
import { startMineUpdates } from '../../src/mine/updater.ts'
import type { Surroundings } from '../../src/minion/run.ts'
import { createGate, createSeen, within } from '../helpers/wait.ts'

const contexts = createSeen<ExecutionContext>()
const ended = createGate()
const registry = createRegistry(
  'execution',
  new Map([
    [
      'own.add',
      execution({
        doc: 'Adds.',
        args: { a: z.number(), b: z.number() },
        run({ a, b }, context) {
          if (a > b) throw new ReactorError('function_failed', `${a} is more than ${b}`)
          contexts.push(context)
          return a + b
        },
      }),
    ],
    [
      'mine.update',
      execution({
        doc: 'Waits for its end.',
        run: (_args, context) =>
          new Promise(resolve => {
            contexts.push(context)
            context.signal.addEventListener('abort', () => {
              ended.open()
              resolve(null)
            })
          }),
      }),
    ],
  ]),
)
const around = {
  id: 'web1',
  registry,
  pillar: { hide: (value: unknown) => value },
  grains: () => ({ os: 'Debian' }),
  now: () => Date.now(),
  log: silentLog,
} as unknown as Surroundings
const run = createOwnRun(around, 60_000)
const never = new AbortController().signal

describe('what a minion runs for itself', () => {
  it('runs as its functions always do', async () => {
    await run('own.add', [1], { b: 2 }, never)
    expect(contexts.items[0]).toMatchObject({
      id: 'web1',
      grains: { os: 'Debian' },
      user: 'minion',
      jid: expect.stringMatching(/^\d{20}$/),
    })
  })

  it.each<[string, string, unknown[], string]>([
    ['fails', 'own.add', [2, 1], '2 is more than 1'],
    ['is called wrongly', 'own.add', [2], "needs the argument 'b'"],
    ['is not there', 'own.ad', [], "'own.ad' is not available"],
  ])('is told where it %s', async (_what, fun, arg, message) => {
    await expect(run(fun, arg, {}, never)).rejects.toThrow(message)
  })

  it('is ended as the minion stops, which waits for that', async () => {
    const updates = startMineUpdates({
      functions: { 'test.ping': [] },
      intervalMs: 60_000,
      run,
      clock: systemClock,
      log: silentLog,
    })
    await contexts.reach(2)
    const order: string[] = []
    const stopped = updates.stop().then(() => order.push('the stop'))
    await within(Promise.all([stopped, ended.passed.then(() => order.push('the function'))]), 'both ends')
    expect(order).toEqual(['the function', 'the stop'])
  })
})
