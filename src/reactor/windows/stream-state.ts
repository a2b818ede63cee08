// What the stream of events says of itself: how far it is, and up to when. A deadline is over when everything that was stored
// before it has been read, and only the server knows when that is: its clock, and not the leader's, is what decides.
import { JetStreamApiCodes, type JetStreamManager, type PeerInfo } from '@nats-io/jetstream'
import { consumerNames, streamNames, WINDOW_READERS } from '../../protocol/streams.ts'

export interface StreamState {
  /** When it was made: another stream of its name has another time. */
  created: string
  lastSeq: number
  messages: number
  /** The server's time, milliseconds. */
  at: number
  /** Nothing will be stored with a time before this one and a sequence behind `lastSeq`. */
  settled: number
}

export interface EventStream {
  readonly name: string
  /** Names of the consumers that may be made to read it. */
  readonly readers: readonly string[]
  /** How far `settled` is behind the server's time. */
  readonly graceMs: number
  state(): Promise<StreamState>
  /** Up to which event the dispatchers have decided on all of them. */
  decidedUpTo(): Promise<number>
}

export function openEventStream(jsm: JetStreamManager, ns: string, replicas: number): EventStream {
  const name = streamNames(ns).events
  const { reactor: consumer, windowReader } = consumerNames(ns)
  // Between the time that a message gets and its place in the stream lies, in a cluster, the word of other nodes: so long they
  // may take, counted from when they were last heard.
  const graceMs = replicas > 1 ? 250 : 10
  return {
    name,
    readers: Array.from({ length: WINDOW_READERS }, (_, slot) => windowReader(slot)),
    graceMs,
    async state() {
      const { created, state, ts, cluster } = await jsm.streams.info(name)
      const at = Date.parse(ts!)
      const settled = at - graceMs - unheardMs(cluster?.replicas ?? [])
      return { created, lastSeq: state.last_seq, messages: state.messages, at, settled }
    },
    async decidedUpTo() {
      try {
        return (await jsm.consumers.info(name, consumer)).ack_floor.stream_seq
      } catch (error) {
        // It will begin at the first.
        if ((error as { code?: number }).code === JetStreamApiCodes.ConsumerNotFound) return 0
        throw error
      }
    },
  }
}

/**
 * Milliseconds since so many of the other nodes were heard as a message needs for its place: those that hang have not said
 * their word on what was sent to them, and the leader does not say that it waits.
 */
export function unheardMs(others: readonly Pick<PeerInfo, 'active'>[]): number {
  const needed = Math.floor((others.length + 1) / 2)
  const heard = others.map(({ active }) => active / 1e6).sort((a, b) => a - b)
  return heard[needed - 1] ?? 0
}
