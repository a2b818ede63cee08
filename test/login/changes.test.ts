import { createUser } from '@nats-io/nkeys'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cutStrangers, type LetIn } from '../../src/login/changes.ts'
import type { CalloutAccount, Connection, Listed } from '../../src/login/connections.ts'
import { keptLog } from '../helpers/core.ts'

beforeEach(() => void vi.useFakeTimers({ now: 10_000_000 }))
afterEach(() => void vi.useRealTimers())

const MINUTE = 60_000
const nkey = createUser().getPublicKey()

/** `keys`: how many milliseconds ago they were accepted; `there`: the connections by name, and their age. */
function open(parts: {
  keys?: Record<string, number>
  operators?: string[]
  there?: Partial<Record<CalloutAccount, [name: string, ageMs: number][]>>
  failures?: number
}) {
  const { keys = {}, operators = [], there = {} } = parts
  let failures = parts.failures ?? 0
  const began = Date.now()
  const cut: string[] = []
  const ended: string[] = []
  const { log, lines } = keptLog()
  const letIn = {
    keys: {
      get: (id: string) =>
        keys[id] === undefined ? undefined : { id, own: { nkey, since: began - keys[id], state: 'accepted' } },
    },
    operators: { find: (name: string) => (operators.includes(name) ? { name } : undefined) },
  } as unknown as LetIn
  const looks: number[] = []
  const running = cutStrangers({
    letIn,
    connections: {
      async list(account): Promise<Listed> {
        looks.push(Date.now() - began)
        if (failures-- > 0) throw new Error('no server answers')
        const connections = (there[account] ?? []).map(
          ([name, ageMs], cid): Connection => ({ server: 'N', cid, name, ageMs: ageMs + Date.now() - began }),
        )
        return { connections, silent: [] }
      },
      end: async connections => void ended.push(...connections.map(({ name }) => name)),
    },
    kicks: { cut: (account, name) => void cut.push(`${account} ${name}`) },
    clock: { now: Date.now },
    log,
  })
  return { running, cut, ended, lines, looks, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) }
}

describe('at the start of a master', () => {
  it('whoever is connected and would not be let in is cut', async () => {
    const { cut, ended, pass } = open({
      keys: { web1: 60 * MINUTE },
      there: {
        FLEET: [
          ['web1', MINUTE],
          ['gone1', MINUTE],
        ],
        OPS: [['bob', MINUTE]],
      },
    })
    await pass(0)
    expect(cut).toEqual(['FLEET gone1', 'OPS bob'])
    expect(ended).toEqual([])
  })

  it('a connection from before the key of its minion was accepted is ended, and one that waited for that is not', async () => {
    const { cut, ended, pass } = open({
      keys: { other: MINUTE, held: MINUTE, own: MINUTE },
      there: {
        FLEET: [
          ['other', 2 * MINUTE],
          ['held', MINUTE + 1800],
          ['own', MINUTE - 1],
        ],
      },
    })
    await pass(0)
    expect(ended).toEqual(['other'])
    expect(cut).toEqual([])
  })

  it('operators from before it are ended once, so that they come in with what their roles allow today', async () => {
    const { cut, ended, pass } = open({
      operators: ['ada', 'kim'],
      there: {
        OPS: [
          ['ada', MINUTE],
          ['kim', 1],
        ],
      },
    })
    await pass(10 * MINUTE)
    expect(ended).toEqual(['ada', 'kim'])
    expect(cut).toEqual([])
  })

  it('it is tried until it succeeds, and who has come in meanwhile stays', async () => {
    const { cut, ended, lines, looks, pass } = open({
      failures: 3,
      operators: ['ada', 'new'],
      there: {
        FLEET: [['gone1', MINUTE]],
        OPS: [
          ['ada', MINUTE],
          ['new', -5000],
        ],
      },
    })
    await pass(0)
    expect([cut, ended]).toEqual([[], []])
    await pass(MINUTE)
    expect(looks.length).toBe(5)
    expect(cut).toEqual(['FLEET gone1'])
    expect(ended).toEqual(['ada'])
    expect(lines.items.filter(({ error }) => error === 'no server answers')).toHaveLength(1)
  })

  it('it is tried no more once the master ends', async () => {
    const { running, looks, lines, pass } = open({ failures: 1000 })
    await pass(0)
    await running.stop()
    await pass(10 * MINUTE)
    expect(looks).toHaveLength(1)
    expect(lines.items).toHaveLength(1)
  })
})
