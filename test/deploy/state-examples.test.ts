// The states, pillar and orchestration of deploy/examples: they render and compile, and say what their comments say.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLocalFiles } from '../../src/files/local.ts'
import { createRoots } from '../../src/files/roots.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { createCallOf } from '../../src/minion/schedule-job.ts'
import { createBook } from '../../src/schedule/book.ts'
import { createCompiler } from '../../src/state/compile.ts'
import { createSlsReader } from '../../src/state/sls-reader.ts'
import { chunkTag } from '../../src/state/types.ts'

const EXAMPLES = join(import.meta.dirname, '../../deploy/examples')

/** Reads below these folders as a minion does, without one. */
function reader(folders: string[], pillar: Record<string, unknown> = {}) {
  const file_roots = { base: folders.map(folder => join(EXAMPLES, folder)) }
  const files = createLocalFiles(createRoots({ file_roots, file_ignore_glob: [] }))
  const load = async (path: string, saltenv: string) => {
    const copy = await files.cache(path, saltenv)
    return copy === undefined ? undefined : readFile(copy, 'utf8')
  }
  const call = () => {
    throw new Error('no function is called')
  }
  const names = { grains: { id: 'web1' }, pillar, opts: {} }
  return createSlsReader({ load, call, names }, async () => files.list('base'))
}

it('the states compile for a web server, in the order of their requisites', async () => {
  const functions = await loadFunctions('state')
  const compiler = createCompiler({ ...reader(['salt'], { web: { port: 8080 } }), functions })
  const { chunks, errors } = await compiler.compile({ base: ['resource', 'web'] })
  expect(errors).toEqual([])
  expect(chunks.map(chunkTag)).toEqual([
    'file_|-/home/www/resource/dove.jpg_|-/home/www/resource/dove.jpg_|-managed',
    'pkg_|-nginx_|-nginx_|-installed',
    'file_|-/etc/nginx/conf.d/site.conf_|-/etc/nginx/conf.d/site.conf_|-managed',
    'service_|-nginx_|-nginx_|-running',
    'file_|-/srv/www_|-/srv/www_|-directory',
    'file_|-/srv/www/index.html_|-/srv/www/index.html_|-managed',
  ])
  expect(chunks[5]!.contents).toBe('Served by web1 on port 8080.\n')
})

it('the top files name SLS that there are', async () => {
  for (const folder of ['salt', 'pillar']) {
    const sls = reader([folder])
    const top = (await sls.renderSls('top', 'base'))!.data as { base: Record<string, string[]> }
    const named = Object.values(top.base).flat()
    expect(named.length).toBeGreaterThan(1)
    expect(await sls.listSls('base')).toEqual(expect.arrayContaining(named))
  }
})

it("the pillar has a schedule that a minion takes, of the seed's job", async () => {
  const { data } = (await reader(['pillar']).renderSls('schedule', 'base'))!
  const { schedule } = data as { schedule: Record<string, unknown> }
  const book = createBook(createCallOf([]))
  book.give('pillar', schedule)
  expect([...book.refused()]).toEqual([])
  expect(schedule).toEqual({ job1: { function: 'state.sls', seconds: 5, args: ['resource'] } })
})

it('the orchestration compiles to its two steps', async () => {
  const functions = await loadFunctions('orchestration')
  const compiler = createCompiler({ ...reader(['salt', 'orchestration']), functions })
  const { chunks, errors } = await compiler.compile({ base: ['release'] })
  expect(errors).toEqual([])
  expect(chunks.map(({ state, fun, name }) => `${state}.${fun} ${name}`)).toEqual([
    'salt.state the file is in its place',
    'salt.function cmd.run',
  ])
})

it('the picture holds bytes of all values, as no text does', async () => {
  const bytes = await readFile(join(EXAMPLES, 'salt/resource/dove.jpg'))
  expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff])
  expect(new Set(bytes).size).toBe(256)
})
