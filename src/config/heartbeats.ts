// Where one config is the master's and the minion's, their times must fit.
import { formatDuration } from '../base/duration.ts'
import { ReactorError } from '../base/errors.ts'
import type { Config } from './schema.ts'

/** Throws `bad_config` where the minion would be taken for lost between two of its heartbeats. */
export function requireHeartbeats({
  minion,
  master,
}: {
  minion: Pick<Config['minion'], 'beat'>
  master: Pick<Config['master'], 'lost_after'>
}): void {
  if (minion.beat * 2 <= master.lost_after) return
  throw new ReactorError(
    'bad_config',
    `'minion.beat' is ${formatDuration(minion.beat)}, and must go twice into 'master.lost_after', which is ${formatDuration(master.lost_after)}: else the minion is lost between two heartbeats`,
  )
}
