// The commands by name. A command's file is loaded when the command is called, so that start-up stays short.
import { keepHeapSmall } from '../base/small-heap.ts'
import type { AddCommand } from './command.ts'

/** Of a process whose heap is to be small from its first module on. */
const small =
  <T>(load: () => T) =>
  (): T => {
    keepHeapSmall()
    return load()
  }

export const COMMANDS: ReadonlyMap<string, () => Promise<{ command: AddCommand }>> = new Map([
  ['up', () => import('./commands/up.ts')],
  ['tail', () => import('./commands/tail.ts')],
  ['events', () => import('./commands/events.ts')],
  ['call', () => import('./commands/call.ts')],
  ['local', () => import('./commands/local.ts')],
  ['jobs', () => import('./commands/jobs.ts')],
  ['reactions', () => import('./commands/reactions.ts')],
  ['rules', () => import('./commands/rules.ts')],
  ['schedule', () => import('./commands/schedule.ts')],
  ['queue', () => import('./commands/queue.ts')],
  ['run', () => import('./commands/run.ts')],
  ['wheel', () => import('./commands/wheel.ts')],
  ['send', () => import('./commands/send.ts')],
  ['key', () => import('./commands/key.ts')],
  ['token', () => import('./commands/token.ts')],
  ['user', () => import('./commands/user.ts')],
  ['context', () => import('./commands/context.ts')],
  ['check', () => import('./commands/check.ts')],
  ['functions', () => import('./commands/functions.ts')],
  ['returners', () => import('./commands/returners.ts')],
  ['certs', () => import('./commands/certs.ts')],
  ['accounts', () => import('./commands/accounts.ts')],
  ['completion', () => import('./commands/completion.ts')],
  ['master', () => import('./commands/master.ts')],
  ['react', small(() => import('./commands/react.ts'))],
  ['gateway', () => import('./commands/gateway.ts')],
  ['worker', () => import('./commands/worker.ts')],
  ['minion', small(() => import('./commands/minion.ts'))],
])
