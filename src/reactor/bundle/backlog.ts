// How far the reactors are: the events that none of them has decided on, and the messages of one rule that wait.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { isNoMessage } from '../../bus/no-message.ts'
import type { ReactorLag, RuleShown } from '../../protocol/rule-view.ts'
import { consumerNames, streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'

export interface Backlog {
  /** Throws where no reactor has ever run. */
  lag(): Promise<ReactorLag>
  pending(rule: string): Promise<NonNullable<RuleShown['pending']>>
}

export async function openBacklog(nc: NatsConnection, subjects: Subjects): Promise<Backlog> {
  const jsm: JetStreamManager = await jetstreamManager(nc, { checkAPI: false })
  const streams = streamNames(subjects.ns)

  /** Messages by subject, of those that match. */
  const held = async (stream: string, filter: string): Promise<number> => {
    const { state } = await jsm.streams.info(stream, { subjects_filter: filter })
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
  }
  return {
    async lag() {
      const info = await jsm.consumers.info(streams.events, consumerNames(subjects.ns).reactor)
      const { num_pending: pending, num_ack_pending: in_hand, ack_floor } = info
      if (pending + in_hand === 0) return { pending, in_hand }
      const next = { seq: ack_floor.stream_seq + 1, next_by_subj: `${subjects.eventPrefix}>` }
      const message = await jsm.direct.getMessage(streams.events, next).catch(error => {
        // It has been decided on meanwhile, or has gone with its age.
        if (isNoMessage(error)) return null
        throw error
      })
      return { pending, in_hand, ...(message ? { oldest: message.time.getTime() } : {}) }
    },
    async pending(rule) {
      const retries = subjects.reactionRetry('x', rule).replace(/[^.]*$/, '*')
      const parks = subjects.parked('x', rule).split('.')
      parks[parks.length - 2] = '*'
      const [fast, slow, retrying, parked] = await Promise.all([
        held(streams.reactions, subjects.reaction('fast', rule)),
        held(streams.reactions, subjects.reaction('slow', rule)),
        held(streams.reactions, retries),
        held(streams.parked, parks.join('.')),
      ])
      return { waiting: fast + slow, retrying, parked }
    },
  }
}
