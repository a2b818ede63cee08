// What a runner function may do with reactions in the name of the operator who called it.
import { describe, expect, it } from 'vitest'
import type { ReactionControl } from '../../src/jobs/control/reactions.ts'
import { runnerReactions } from '../../src/jobs/runner-reactions.ts'
import { ALL_GRANTS, type Grants, NO_GRANTS } from '../../src/protocol/role.ts'
import type { Trace } from '../../src/protocol/trace.ts'

function open(grants: Grants | undefined, trace: Trace = {}) {
  const acted: [string, readonly string[], object][] = []
  const control: ReactionControl = {
    list: async () => ({ reactions: [] }),
    show: async () => null,
    async act(operation, keys, asker) {
      acted.push([operation, keys, asker])
      return []
    },
  }
  const call = {
    fun: 'own.fun',
    arg: [],
    kwarg: {},
    user: 'ann',
    ...trace,
    ...(grants ? { grants: () => grants } : {}),
  }
  return { reactions: runnerReactions(control, call), acted }
}

const reader: Grants = { ...NO_GRANTS, read: ['**'], runner: ['own.fun', 'reactions.list'] }

describe('reactions for a runner function', () => {
  it('are seen by who may read every event, and by nobody else', async () => {
    expect(await open(reader).reactions.list({})).toEqual({ reactions: [] })
    await expect(open(reader).reactions.show('a/r')).rejects.toMatchObject({ code: 'not_found' })
    const some = open({ ...ALL_GRANTS, read: ['deploy/**'] })
    for (const asked of [some.reactions.list({}), some.reactions.show('a/r'), some.reactions.act('drop', ['a/r'])])
      await expect(asked).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining("'ann' may not read"),
      })
    expect(some.acted).toEqual([])
  })

  it('are acted on by who may call that very function, whatever function asks', async () => {
    const { reactions, acted } = open(reader)
    await expect(reactions.act('drop', ['a/r'])).rejects.toMatchObject({
      ...{ code: 'forbidden', message: expect.stringContaining("grants runner 'reactions.drop'") },
    })
    expect(acted).toEqual([])
    const may = open({ ...reader, runner: ['reactions.drop'] })
    await may.reactions.act('drop', ['a/r'])
    await expect(may.reactions.act('retry', ['a/r'])).rejects.toMatchObject({ code: 'forbidden' })
    expect(may.acted).toEqual([['drop', ['a/r'], { user: 'ann' }]])
  })

  it('are for a rule or schedule to do with as it says, and it is among the causes of what comes of that', async () => {
    const { reactions, acted } = open(undefined, { hops: 3, chain: 'a,b' })
    await reactions.act('deny', ['a/r'])
    expect(acted).toEqual([['deny', ['a/r'], { user: 'ann', hops: 3, chain: 'a,b' }]])
  })
})
