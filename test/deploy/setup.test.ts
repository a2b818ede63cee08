import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, lstat, mkdir, mkdtemp, readFile, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const repository = fileURLToPath(new URL('../..', import.meta.url))

const SOURCES = {
  'src/cli/main.ts': '#!/usr/bin/env node\nconsole.log(JSON.stringify(process.argv.slice(2)))\n',
  'src/bus/server/find.ts': `export async function findServer({ say }: { say(line: string): void }) {
    if (process.env.TEST_SERVER === 'none') throw Object.assign(new Error('no nats-server'), { name: 'ReactorError' })
    say('server looked for')
  }\n`,
  'src/modules/disk.ts': 'export const free = 1\n',
}

/** A checkout with the real script, the real npm and the real tsc, and a few lines of program. */
async function checkout(): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'reactor-setup-')))
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  await mkdir(join(root, 'deploy'))
  await copyFile(join(repository, 'deploy', 'setup.mjs'), join(root, 'deploy', 'setup.mjs'))
  const dependencies = { typescript: 'file:tsc' }
  await write(
    'package.json',
    JSON.stringify({ name: 'x', version: '1.0.0', type: 'module', engines: { node: '>=20.20' }, dependencies }),
  )
  const packages = {
    '': { name: 'x', version: '1.0.0', dependencies },
    'node_modules/typescript': { resolved: 'tsc', link: true },
    tsc: { name: 'typescript', version: '1.0.0' },
  }
  await write(
    'package-lock.json',
    JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, requires: true, packages }),
  )
  await write('tsc/package.json', JSON.stringify({ name: 'typescript', version: '1.0.0' }))
  const tsc = join(repository, 'node_modules', 'typescript', 'lib', 'tsc.js')
  await write('tsc/bin/tsc', `import(${JSON.stringify(tsc)})\n`)
  const config = JSON.parse(await readFile(join(repository, 'tsconfig.json'), 'utf8'))
  config.compilerOptions.typeRoots = [join(repository, 'node_modules', '@types')]
  await write('tsconfig.json', JSON.stringify(config))
  for (const [name, text] of Object.entries(SOURCES)) await write(name, text)
  return root
}

interface Outcome {
  code: number
  out: string
  said: string[]
}

const start = (root: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [join(root, 'deploy', 'setup.mjs'), ...args], {
    cwd: tmpdir(),
    env: { ...process.env, ...env },
  })

async function setup(root: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const child = start(root, args, env)
  const [out, err] = [[] as string[], [] as string[]]
  child.stdout!.on('data', text => void out.push(String(text)))
  child.stderr!.on('data', text => void err.push(String(text)))
  const [code] = await once(child, 'close')
  const said = err.join('').split('\n')
  return { code, out: out.join(''), said: said.flatMap(line => /^setup: (.*)/.exec(line)?.[1] ?? []) }
}

const FIRST = ['installing dependencies…', 'building…', 'server looked for']
const NOTHING = ['server looked for']

describe('setting up a checkout', () => {
  it('does everything once, becomes the CLI with the arguments given, and then finds nothing to do', async () => {
    const root = await checkout()
    expect(await setup(root, ['up', '--json', '--port', '0'])).toEqual({
      code: 0,
      out: '["up","--json","--port","0"]\n',
      said: FIRST,
    })
    expect(await setup(root)).toEqual({ code: 0, out: '', said: NOTHING })
  })

  it('makes the reactor command, and makes it again when it is gone', async () => {
    const root = await checkout()
    const link = join(root, 'node_modules', '.bin', 'reactor')
    for (const _run of ['first', 'second']) {
      await setup(root)
      expect((await lstat(link)).isSymbolicLink()).toBe(true)
      expect((await stat(link)).mode & 0o777).toBe(0o755)
      const command = spawn(link, ['tail'], { stdio: ['ignore', 'pipe', 'inherit'] })
      expect(String((await once(command.stdout, 'data'))[0])).toBe('["tail"]\n')
      await rm(link)
    }
  })

  it('builds again after a source has changed, or was touched, and only then', async () => {
    const root = await checkout()
    await setup(root)
    await writeFile(join(root, 'src/cli/main.ts'), "console.log('changed')\n")
    expect(await setup(root, ['up'])).toMatchObject({ out: 'changed\n', said: ['building…', ...NOTHING] })
    const later = new Date(Date.now() + 2)
    await utimes(join(root, 'src/modules/disk.ts'), later, later)
    expect((await setup(root)).said).toEqual(['building…', ...NOTHING])
    expect((await setup(root)).said).toEqual(NOTHING)
  })

  it('takes an output away whose source is gone, and brings one back that was deleted', async () => {
    const root = await checkout()
    await setup(root)
    await rm(join(root, 'src/modules/disk.ts'))
    await rm(join(root, 'dist/cli/main.js'))
    expect((await setup(root, ['x'])).out).toBe('["x"]\n')
    await expect(stat(join(root, 'dist/modules/disk.js'))).rejects.toThrow('ENOENT')
  })

  it('installs again when the lock file asks for something else', async () => {
    const root = await checkout()
    await setup(root)
    const file = join(root, 'package-lock.json')
    const lock = JSON.parse(await readFile(file, 'utf8'))
    const dependencies = { typescript: 'file:tsc', other: 'file:other' }
    lock.packages[''].dependencies = dependencies
    Object.assign(lock.packages, {
      'node_modules/other': { resolved: 'other', link: true },
      other: { version: '1.0.0' },
    })
    await mkdir(join(root, 'other'))
    await writeFile(join(root, 'other/package.json'), JSON.stringify({ name: 'other', version: '1.0.0' }))
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    await writeFile(join(root, 'package.json'), JSON.stringify({ ...manifest, dependencies }))
    await writeFile(file, JSON.stringify(lock))
    expect((await setup(root)).said).toEqual(['installing dependencies…', ...NOTHING])
    expect((await lstat(join(root, 'node_modules/other'))).isSymbolicLink()).toBe(true)
  })

  it('does it once when two start at the same time', async () => {
    const root = await checkout()
    const both = await Promise.all([setup(root, ['a']), setup(root, ['b'])])
    expect(both.map(({ code, out }) => [code, out])).toEqual([
      [0, '["a"]\n'],
      [0, '["b"]\n'],
    ])
    const said = both.flatMap(outcome => outcome.said)
    expect(said.filter(line => line === 'installing dependencies…')).toHaveLength(1)
    expect(said.filter(line => line === 'building…')).toHaveLength(1)
  })

  it('goes on from a set-up that was killed', async () => {
    const root = await checkout()
    const killed = start(root, [], {})
    await once(killed.stderr!, 'data')
    killed.kill('SIGKILL')
    await once(killed, 'close')
    expect((await stat(join(root, 'dist/.setup-lock'))).isFile()).toBe(true)
    expect(await setup(root, ['up'])).toMatchObject({ code: 0, out: '["up"]\n' })
    await expect(stat(join(root, 'dist/.setup-lock'))).rejects.toThrow('ENOENT')
  })

  it('looks for no server where one is named', async () => {
    const root = await checkout()
    await setup(root)
    const args = ['up', '--nats', 'nats://127.0.0.1:4222']
    expect(await setup(root, args, { TEST_SERVER: 'none' })).toMatchObject({ code: 0, said: [] })
  })
})

describe('a set-up that cannot be done', () => {
  const failing = async (root: string, env: NodeJS.ProcessEnv = {}) => {
    const { code, out, said } = await setup(root, ['up'], env)
    expect({ code, out }).toEqual({ code: 1, out: '' })
    return said.at(-1)
  }

  it('says which Node is needed', async () => {
    const root = await checkout()
    await writeFile(join(root, 'package.json'), JSON.stringify({ engines: { node: '>=99.1' } }))
    expect(await failing(root)).toBe(
      `this is Node ${process.versions.node}, but 99.1 or newer is needed: install it and try again`,
    )
  })

  it('says that npm failed', async () => {
    const root = await checkout()
    const npm = join(root, 'npm-cli.js')
    await writeFile(npm, 'process.exit(7)')
    expect(await failing(root, { npm_execpath: npm })).toBe(
      'the dependencies could not be installed: npm ci ended with exit code 7',
    )
  })

  it('says where the build failed, and says it again the next time', async () => {
    const root = await checkout()
    await writeFile(join(root, 'src/modules/disk.ts'), 'export const free: string = 1\n')
    const line = /^the build failed: .*src\/modules\/disk\.ts.*TS2322/
    expect(await failing(root)).toMatch(line)
    expect(await failing(root)).toMatch(line)
  })

  it('says that the lock file is missing', async () => {
    const root = await checkout()
    await rm(join(root, 'package-lock.json'))
    expect(await failing(root)).toMatch(/^package-lock\.json is missing or damaged/)
  })

  it('says how the search for a server ended', async () => {
    const root = await checkout()
    expect(await failing(root, { TEST_SERVER: 'none' })).toBe('no nats-server')
  })
})
