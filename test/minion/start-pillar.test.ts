import { describe, expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import type { Pillar } from '../../src/functions/minion-data.ts'
import { startPillar } from '../../src/minion/start-pillar.ts'
import { createSeen } from '../helpers/wait.ts'

async function start(failures: number) {
  const asked = createSeen<number>()
  const fetched = createSeen<number>()
  let left = failures
  const pillar = {
    async refresh(): Promise<Pillar> {
      asked.push(asked.items.length)
      if (left-- > 0) throw new Error('nobody answers')
      fetched.push(asked.items.length)
      return { value: {}, errors: [] }
    },
  }
  const started = await startPillar({ nc: { isClosed: () => false } as never, pillar, log: silentLog })
  onTestFinished(() => started.stop())
  return { asked, fetched, started }
}

describe('the pillar of a minion that starts', () => {
  it('is there before the minion goes on, where a master answers', async () => {
    expect((await start(0)).fetched.items).toHaveLength(1)
  })

  it('is asked for until a master answers, and the minion goes on meanwhile', async () => {
    const { asked, fetched } = await start(3)
    expect(fetched.items).toHaveLength(0)
    await fetched.reach(1)
    expect(asked.items).toHaveLength(4)
  })

  it('is fetched again when it is asked for', async () => {
    const { fetched, started } = await start(0)
    started.fetch()
    await fetched.reach(2)
  })
})
