// The declarations of `test.arg`, `test.sleep` and `test.fail`, which minions and job workers both have.
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { common } from './define.ts'

export const arg = common({
  doc: `Returns the arguments as they arrived, to see how a call was understood.
    Example: test.arg 1 two '[3, 4]' k=v`,
  rest: 'args',
  extra: 'kwargs',
  idempotent: true,
  run: ({ args, kwargs }) => ({ args, kwargs }),
})

export const sleep = common({
  doc: `Waits that many seconds, then returns true. Fails at once when the process that runs it stops.
    Example: test.sleep 20`,
  args: { length: z.number().min(0).describe('seconds') },
  idempotent: true,
  async run({ length }, { signal }) {
    await delay(length * 1000, undefined, { signal })
    return true
  },
})

export const fail = common({
  doc: `Fails with the message given, to see what a failure looks like.
    Example: test.fail 'the disk is on fire'`,
  args: { message: z.string().default('test.fail was asked to fail').describe('the error message') },
  idempotent: true,
  run({ message }) {
    throw new ReactorError('function_failed', message)
  },
})
