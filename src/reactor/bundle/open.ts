// The control over the rules in force as a process opens it: when it is first asked for, since most never are.
import type { NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../../base/log.ts'
import type { Subjects } from '../../protocol/subject.ts'
import { openBundleStore } from '../bundle.ts'
import { loadFacts } from '../facts/load.ts'
import { openBacklog } from './backlog.ts'
import { createRulesControl, type RulesControl } from './control.ts'

export function rulesControlWhenAsked(
  nc: NatsConnection,
  subjects: Subjects,
  options: { replicas: number; moduleDirs: readonly string[] },
  log: Log,
): () => Promise<RulesControl> {
  const open = async () =>
    createRulesControl(
      await openBundleStore(nc, subjects.ns, options.replicas, log),
      await openBacklog(nc, subjects),
      new Set((await loadFacts(options.moduleDirs)).keys()),
    )
  let opened: Promise<RulesControl> | undefined
  return () => {
    opened ??= open().catch(error => {
      // The next one tries again.
      opened = undefined
      throw error
    })
    return opened
  }
}
