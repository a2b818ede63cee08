import { describe, expect, it } from 'vitest'
import type { MinionReturners, WhichReturns } from '../../src/functions/minion-context.ts'
import { createSeen } from '../helpers/wait.ts'
import { caller } from './call.ts'

const JID = '20260101120000000000'
const one = { jid: JID, fun: 'test.ping', returner: 'mysql', reason: 'too long', _stamp: '2026-01-01T12:00:00.000000' }

function place(left: (typeof one)[] = []) {
  const asked = createSeen<{ what: string; which: WhichReturns & { waiting?: boolean } }>()
  const returners: MinionReturners = {
    waiting: () => [{ returner: 'mysql', returns: 2, bytes: 300, problem: 'away' }],
    async parked(which) {
      asked.push({ what: 'parked', which })
      return [one]
    },
    async retry(which) {
      asked.push({ what: 'retry', which })
      return { retried: 3, left }
    },
    async drop(which) {
      asked.push({ what: 'drop', which })
      return 4
    },
  }
  return { asked, ...caller('execution', { returners }) }
}

describe('returners', () => {
  it('waiting says what waits, and why', async () => {
    const { call } = place()
    expect(await call('returners.waiting')).toEqual([{ returner: 'mysql', returns: 2, bytes: 300, problem: 'away' }])
  })

  it('parked lists all, or those of a returner or a job', async () => {
    const { call, asked } = place()
    expect(await call('returners.parked')).toEqual([one])
    await call('returners.parked', ['mysql'])
    await call('returners.parked', [], { jid: JID })
    expect(asked.items.map(({ which }) => which)).toEqual([{}, { returner: 'mysql' }, { jid: JID }])
  })

  it('retry puts them back, and fails where some are left', async () => {
    const { call, recorded } = place()
    expect(await call('returners.retry', ['mysql'])).toEqual({ retried: 3, left: [] })
    expect(recorded.retcode).toBeUndefined()
    const other = place([one])
    expect(await other.call('returners.retry')).toEqual({ retried: 3, left: [one] })
    expect(other.recorded.retcode).toBe(1)
  })

  it('drop lets go of those that are named, and never of all', async () => {
    const { call, asked } = place()
    expect(await call('returners.drop', ['mysql'])).toBe(4)
    expect(await call('returners.drop', ['mysql'], { waiting: true })).toBe(4)
    expect(asked.items.map(({ which }) => which)).toEqual([
      { returner: 'mysql', waiting: false },
      { returner: 'mysql', waiting: true },
    ])
    await expect(call('returners.drop')).rejects.toThrow('name a returner or a jid')
    await expect(call('returners.drop', [], { jid: '12' })).rejects.toThrow('a jid has 20 digits')
  })
})
