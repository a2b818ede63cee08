import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import { minionConditions } from '../../src/state/commands.ts'
import { unwanted } from '../../src/state/conditions.ts'
import { ownContext } from '../../src/state/own-context.ts'
import type { Chunk } from '../../src/state/types.ts'

const execution = await loadFunctions('execution')
const states = await loadFunctions('state')

/** The comment of a state that its conditions leave nothing to do. */
async function commentOf(words: Record<string, unknown>) {
  const job = { log: silentLog, signal: new AbortController().signal, onProcess: () => undefined, pillar: {} }
  const own = ownContext(job as unknown as ExecutionContext, execution, { value: {}, errors: [] })
  const of = { __id__: 'a', __sls__: 'web', __env__: 'base', order: 1 }
  const chunk: Chunk = { state: 'cmd', fun: 'run', name: 'true', ...of, ...words }
  return (await unwanted(chunk, states.get('cmd.run'), minionConditions(own)))?.comment
}

const FALSE = 'onlyif condition is false'
const TRUE = 'unless condition is true'

describe('conditions of a state on a minion', () => {
  it.each([
    [
      'take the place and the variables of its command',
      { unless: '[ "$PWD $WHO" = "/ you" ]', cwd: '/', env: [{ WHO: 'you' }] },
      TRUE,
    ],
    ['hold by the return code of a line', { onlyif: 'exit 3' }, FALSE],
    ['ask functions', { unless: [{ fun: 'test.ping' }] }, TRUE],
    [
      'take a function that sets a return code for no',
      { onlyif: [{ fun: 'cmd.run', cmd: 'ls /nowhere-at-all' }] },
      FALSE,
    ],
    ['take what it answers along with one for no', { unless: [{ fun: 'cmd.run_all', cmd: 'false' }] }, undefined],
    ['take a function without one by its answer', { onlyif: [{ fun: 'cmd.run', cmd: 'echo yes' }] }, undefined],
  ])('%s', async (_what, words, comment) => {
    expect(await commentOf(words)).toBe(comment)
  })

  it.runIf(process.getuid?.() === 0)('run as the user of its command', async () => {
    expect(await commentOf({ unless: '[ "$(id -un) $USER" = "nobody nobody" ]', runas: 'nobody' })).toBe(TRUE)
    await expect(commentOf({ unless: 'true', runas: 'no-such-user' })).rejects.toThrow(
      "there is no user 'no-such-user'",
    )
  })
})
