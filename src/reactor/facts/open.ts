// What a reactor looks facts up with: the stream JOBS, and the facts of its `module_dirs`.
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { isNoMessage } from '../../bus/no-message.ts'
import type { JobRecord } from '../../protocol/job.ts'
import { streamNames } from '../../protocol/streams.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { loadFacts } from './load.ts'
import { createLookUp, type LookUp } from './lookup.ts'

export interface OpenedLookUp {
  lookUp: LookUp
  /** Names of the user's own facts, for `compileRule` and the reading of rule files. */
  facts: ReadonlySet<string>
}

/** Throws `bad_module` where a fact does not load. */
export async function openLookUp(
  nc: NatsConnection,
  subjects: Subjects,
  moduleDirs: readonly string[],
): Promise<OpenedLookUp> {
  const facts = await loadFacts(moduleDirs)
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { jobs } = streamNames(subjects.ns)
  const jobRecord = async (jid: string): Promise<JobRecord | undefined> => {
    try {
      const stored = await jsm.streams.getMessage(jobs, { last_by_subj: subjects.jobRecord(jid) })
      return stored?.json<JobRecord>()
    } catch (error) {
      if (isNoMessage(error)) return undefined
      throw error
    }
  }
  return { lookUp: createLookUp({ jobRecord, facts }), facts: new Set(facts.keys()) }
}
