// What minions ask the job workers: the jobs that they missed, and jobs on other minions. The subject names who asks, and
// the server lets nobody else publish on it.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../base/log.ts'
import type { Running } from '../base/service.ts'
import { parseJson } from '../bus/request.ts'
import { serve } from '../bus/serve.ts'
import { type Missed, readMissedRequest } from '../jobs/missed.ts'
import type { AskPeers } from '../jobs/peer.ts'
import type { Subjects } from '../protocol/subject.ts'

export interface MinionServiceParts {
  nc: NatsConnection
  subjects: Subjects
  missed: Missed
  askPeers: AskPeers
  log: Log
}

export function serveMinions({ nc, subjects, missed, askPeers, log }: MinionServiceParts): Promise<Running> {
  return serve(nc, {
    name: `${subjects.ns}-minions`,
    description: 'for minions: the jobs they missed while they were away, and jobs on others',
    queue: `${subjects.ns}-minions`,
    log,
    endpoints: [
      {
        name: 'missed',
        subject: subjects.anyMinion('missed'),
        handle: async request =>
          missed.page(subjects.minionIn(request.subject), readMissedRequest(parseJson(request.string() || 'null'))),
      },
      {
        name: 'peer',
        subject: subjects.anyMinion('peer'),
        handle: async request => askPeers(subjects.minionIn(request.subject), parseJson(request.string() || 'null')),
      },
    ],
  })
}
