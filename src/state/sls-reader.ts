// SLS by their names: found below the roots of an environment, and rendered; of a minion and of an orchestration.
import { renderSls } from '../sls/render.ts'
import type { SlsSurroundings } from '../sls/types.ts'
import { slsOf, slsPaths } from './names.ts'

export interface SlsReader {
  /** Undefined: there is no such SLS. Throws `template`. */
  renderSls(sls: string, saltenv: string): Promise<{ data: unknown; path: string } | undefined>
  /** Names of all SLS; undefined: there is no such environment. */
  listSls(saltenv: string): Promise<readonly string[] | undefined>
}

/** `listPaths`: of all files of an environment. */
export const createSlsReader = (
  surroundings: SlsSurroundings,
  listPaths: (saltenv: string) => Promise<readonly string[] | undefined>,
): SlsReader => ({
  async renderSls(sls, saltenv) {
    for (const path of slsPaths(sls)) {
      const text = await surroundings.load(path, saltenv)
      if (text !== undefined) return { data: await renderSls({ path, text, sls, saltenv }, surroundings), path }
    }
    return undefined
  },
  listSls: async saltenv => (await listPaths(saltenv))?.flatMap(path => slsOf(path) ?? []),
})
