import { describe, expect, it } from 'vitest'
import type { PillarEntry } from '../../src/fleet/registry.ts'
import { createPillarKeeper } from '../../src/pillar/keep.ts'
import { keptLog } from '../helpers/core.ts'

function keeper(fails = false) {
  const known = new Map<string, PillarEntry>()
  const stored: [string, unknown][] = []
  const { log, lines } = keptLog()
  const bucket = {
    async put(key: string, text: unknown) {
      if (fails) throw new Error('maximum payload exceeded')
      stored.push([key, JSON.parse(String(text))])
      return stored.length
    },
  }
  return { known, stored, lines, keep: createPillarKeeper(bucket as never, { values: known }, log) }
}

describe('what targets see of a pillar', () => {
  it('is stored under the escaped id, and only where it is another', async () => {
    const { keep, known, stored } = keeper()
    await keep('web.1', { a: { b: 1 } })
    known.set('web=2E1', { id: 'web.1', pillar: { a: { b: 1 } } })
    await keep('web.1', { a: { b: 1 } })
    await keep('web.1', { a: { b: 2 } })
    expect(stored).toEqual([
      ['web=2E1', { id: 'web.1', pillar: { a: { b: 1 } } }],
      ['web=2E1', { id: 'web.1', pillar: { a: { b: 2 } } }],
    ])
  })

  it('is said to be old where it cannot be stored, and the minion has its pillar all the same', async () => {
    const { keep, lines } = keeper(true)
    await keep('web1', { a: 1 })
    expect(lines.items).toMatchObject([{ minion: 'web1', error: 'maximum payload exceeded' }])
  })
})
