// The job of a function that a process of the minion runs for itself: nobody has sent it, so it is made here.
import { createJidSource } from '../protocol/jid.ts'
import type { JobMessage } from '../protocol/job.ts'

/** Makes jobs of the minion `id`, each under a jid of its own; what runs for longer than `runMs` is over time. */
export function createOwnJobs(id: string, now: () => number) {
  const newJid = createJidSource(now)
  return (call: Pick<JobMessage, 'fun' | 'arg' | 'kwarg' | 'user'>, runMs: number): JobMessage => {
    const { fun, arg, kwarg, user } = call
    const jid = newJid()
    const deadline = now()
    const times = { deadline, run_until: deadline + runMs }
    return { jid, key: jid, fun, arg, kwarg, user, tgt: id, tgt_type: 'glob', hops: 0, ...times }
  }
}
