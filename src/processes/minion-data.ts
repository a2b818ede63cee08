// What a minion has of the master's data and does with it: its pillar, files of file_roots, rendering, state runs.

import type { Surroundings } from '../minion/run.ts'
import { away } from './away.ts'

type Data = Pick<Surroundings, 'pillar' | 'files' | 'states' | 'render'>

/** Without a server: what needs the master throws `unreachable`. */
export function dataOfMinion(): Data {
  return {
    pillar: {
      current: () => ({ value: {}, errors: [] }),
      compile: away,
      refresh: away,
      hide: value => value,
    },
    files: { envs: away, list: away, listDirs: away, hash: away, cache: away, cached: away },
    states: () => ({
      apply: away,
      single: away,
      show: away,
      showTop: away,
      running: () => [],
      docs: () => [],
    }),
    render: away,
  }
}
