// What the events of a minion's job say of their causes. It is the minion's own word, as its events are: services cut it to
// size, and all that it can do is to keep rules from reacting to these very events, which the minion could as well not send.
import type { JobMessage } from '../protocol/job.ts'
import { causedBy } from '../protocol/trace.ts'

export const eventTrace = ({ jid, hops, chain }: Pick<JobMessage, 'jid' | 'hops' | 'chain'>) =>
  causedBy(jid, { hops: hops + 1, chain })
