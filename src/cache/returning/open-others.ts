// The stores from which jobs are read beside the job cache: the master's, and whichever is asked for by name.
import { ReactorError } from '../../base/errors.ts'
import { LOCAL } from '../../returner/load.ts'
import type { Stores } from '../../returner/open.ts'
import type { JobTimeouts } from '../facts.ts'
import { JOB_CACHE } from './master-job-cache.ts'
import { createJobSource, type JobSource } from './source.ts'
import type { Others } from './with-others.ts'

/** `masterJobCache`: the name of a returner, or `local`. Throws `bad_config`. */
export async function openOthers(
  masterJobCache: string,
  stores: () => Promise<Stores>,
  timeouts: JobTimeouts,
): Promise<Others> {
  // One of each name, of which each holds its readers back.
  const sources = new Map<string, JobSource>()
  const sourceOf = async (name: string, needed: Parameters<Stores['open']>[2]) => {
    const store = await (await stores()).open(name, {}, needed)
    const source = sources.get(name) ?? createJobSource(name, store, timeouts)
    sources.set(name, source)
    return source
  }
  return {
    ...(masterJobCache === LOCAL
      ? {}
      : { master: { name: masterJobCache, source: await sourceOf(masterJobCache, JOB_CACHE) } }),
    async open(name) {
      try {
        return await sourceOf(name, ['get_load', 'get_jid'])
      } catch (error) {
        // To who asked: the cache worker's own config is as it should be.
        if (!(error instanceof ReactorError) || error.code !== 'bad_config') throw error
        throw new ReactorError('bad_argument', error.message, {}, error)
      }
    },
  }
}
