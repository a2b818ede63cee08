import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import { createStates } from '../../src/state/service.ts'
import { createStateTurns } from '../../src/state/turn.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { within } from '../helpers/wait.ts'

const JID = '20261122063855123456'

describe('state runs of a minion', () => {
  it('leave one behind that takes no notice of the end of its job, and the next one begins', async () => {
    const statesOf = createStates({
      id: 'web1',
      registry: await loadFunctions('state'),
      execution: await loadFunctions('execution'),
      turns: createStateTurns(join(await testFolder(), 'state-run'), keptLog().log),
      top: { strategy: 'merge' },
      targets: { nodegroups: {}, pillar: true },
      stateEvents: false,
    })
    const stop = new AbortController()
    const pillar = { compile: () => new Promise(() => undefined) }
    const job = { jid: JID, signal: stop.signal, setRetcode: () => undefined, pillar } as unknown as ExecutionContext
    const states = statesOf(job)
    const stuck = states.apply(['web'], {})
    await expect.poll(() => states.running()).toHaveLength(1)
    stop.abort(new Error('killed'))
    await expect(within(stuck, 'the run that takes no notice')).rejects.toThrow('killed')
    expect(states.running()).toEqual([])
  })
})
