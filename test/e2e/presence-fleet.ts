// Thousands of simulated minions, of which nothing is there but their heartbeats, and what the masters tell of them.
import { connect } from '@nats-io/transport-node'
import { createSubjects } from '../../src/protocol/subject.ts'
import { createSeen, type Seen } from '../helpers/wait.ts'

const CONNECTIONS = 4
/** Heartbeats of the fleet are spread over so many turns. */
const TURNS = 20

export interface SimulatedFleet {
  /** They send heartbeats from now on, each as a new process. */
  start(ids: readonly string[]): void
  /** They send none any more. */
  kill(ids: readonly string[]): void
  /** One entry for each beat of the whole fleet. */
  readonly rounds: Seen<number>
  stop(): Promise<void>
}

export async function simulateFleet(url: string, ns: string, beatMs: number): Promise<SimulatedFleet> {
  const subjects = createSubjects(ns)
  const links = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 }),
    ),
  )
  const sessions = new Map<string, string>()
  const places = Array.from({ length: TURNS }, () => new Set<string>())
  const rounds = createSeen<number>()
  let started = 0
  let turn = 0
  const placeOf = (id: string) => [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % TURNS
  const beat = (id: string) => {
    const link = links[placeOf(id) % CONNECTIONS]!
    // While it is down, a heartbeat is kept back as little as by a minion, which sends a new one once it is up.
    if (link.info) link.publish(subjects.ofMinion('beat', id), sessions.get(id)!)
  }
  const timer = setInterval(() => {
    for (const id of places[turn % TURNS]!) beat(id)
    if (++turn % TURNS === 0) rounds.push(turn / TURNS)
  }, beatMs / TURNS)
  return {
    start(ids) {
      for (const id of ids) {
        sessions.set(id, `s${started++}`)
        places[placeOf(id)]!.add(id)
        beat(id)
      }
    },
    kill(ids) {
      for (const id of ids) places[placeOf(id)]!.delete(id)
    },
    rounds,
    async stop() {
      clearInterval(timer)
      await Promise.all(links.map(link => link.close()))
    },
  }
}

export interface Told {
  readonly news: Seen<string>
  readonly lost: Seen<string>
  /** How many events there were. */
  events(): number
  /** Those told since it was asked for the last time. */
  since(): { new: string[]; lost: string[] }
  stop(): Promise<void>
}

/** Every id that is told as new or as lost, in its order. */
export async function hearPresence(url: string, ns: string): Promise<Told> {
  const nc = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  const [news, lost] = [createSeen<string>(), createSeen<string>()]
  let events = 0
  let [newAt, lostAt] = [0, 0]
  nc.subscribe(`${ns}.live._master.salt.presence.change`, {
    callback: (_error, message) => {
      const { data } = message.json<{ data: { new: string[]; lost: string[] } }>()
      events++
      for (const id of data.new) news.push(id)
      for (const id of data.lost) lost.push(id)
    },
  })
  await nc.flush()
  return {
    news,
    lost,
    events: () => events,
    since() {
      const told = { new: news.items.slice(newAt).sort(), lost: lost.items.slice(lostAt).sort() }
      newAt = news.items.length
      lostAt = lost.items.length
      return told
    },
    stop: () => nc.close(),
  }
}
