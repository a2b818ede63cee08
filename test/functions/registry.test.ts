import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bindArgs } from '../../src/functions/args.ts'
import { formatDoc, jsonSchema } from '../../src/functions/doc.ts'
import { loadFunctions } from '../../src/functions/load.ts'

const modules = await loadFunctions('execution')

describe('loading functions', () => {
  it('finds a function by its file and export', () => {
    expect(modules.get('test.ping').kind).toBe('execution')
  })

  it('answers an unknown name with the nearest known one', () => {
    expect(() => modules.get('test.pong')).toThrow("'test.pong' is not available. Did you mean 'test.ping'?")
  })

  it("loads a user's own folder beside the shipped functions", async () => {
    const dir = await userModules(
      "import { execution, z } from 'reactor'\nexport const free = execution({ doc: 'x', args: { path: z.string() }, run: ({ path }) => path })",
    )
    const loaded = await loadFunctions('execution', [dir])
    expect(await loaded.get('disk.free').run({ path: '/' }, {} as never)).toBe('/')
    expect(loaded.names()).toContain('test.ping')
  })

  it('refuses an export that is no function, by file and name', async () => {
    const dir = await userModules('export const free = 1')
    await expect(loadFunctions('execution', [dir])).rejects.toThrow(/disk\.mjs: export 'free' is no function/)
  })

  it('refuses a second function of the same name', async () => {
    const dir = await userModules(
      "import { execution } from 'reactor'\nexport const ping = execution({ doc: 'x', run: () => 1 })",
      'test.mjs',
    )
    await expect(loadFunctions('execution', [dir])).rejects.toThrow(
      /'test\.ping' is already defined in .*modules\/test/,
    )
  })

  it('refuses a function of another kind in the folder', async () => {
    const dir = await userModules(
      "import { runner } from 'reactor'\nexport const free = runner({ doc: 'x', run: () => 1 })",
    )
    await expect(loadFunctions('execution', [dir])).rejects.toThrow(
      "export 'free' is a runner function in a folder of execution functions",
    )
  })
})

describe('binding arguments', () => {
  const bind = (name: string, positional: unknown[], keyword: Record<string, unknown> = {}) =>
    bindArgs(name, modules.get(name), positional, keyword)

  it('takes arguments by position and by name', () => {
    expect(bind('test.sleep', [2])).toEqual({ length: 2 })
    expect(bind('test.sleep', [], { length: 2 })).toEqual({ length: 2 })
  })

  it('gives text where a number was typed and text is wanted', () => {
    expect(bind('test.echo', [5])).toEqual({ text: '5' })
  })

  it.each([
    ['a missing argument', 'test.echo', [], {}, "test.echo needs the argument 'text' (string)"],
    ['a surplus argument', 'test.echo', ['a', 'b'], {}, 'test.echo takes at most 1 arguments (text), got 2'],
    ['an unknown name', 'test.echo', [], { txt: 'a' }, "test.echo has no argument 'txt'. Did you mean 'text'?"],
    ['the same argument twice', 'test.echo', ['a'], { text: 'b' }, "test.echo got the argument 'text' twice"],
    [
      'a wrong type',
      'test.sleep',
      ['long'],
      {},
      'test.sleep argument \'length\': Invalid input: expected number, received string; got "long"',
    ],
  ])('refuses %s', (_what, name, positional, keyword, message) => {
    expect(() => bind(name, positional, keyword)).toThrow(message)
  })

  it('keeps a keyword named __proto__ an ordinary key', () => {
    const bound = bind('test.arg', [], JSON.parse('{"__proto__": {"polluted": true}}'))
    expect(Object.keys(bound.kwargs as object)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('help', () => {
  it('shows usage, text and arguments', () => {
    const [doc] = modules.docs().filter(doc => doc.name === 'test.sleep')
    expect(formatDoc(doc!)).toBe(
      'test.sleep <length>\n\n    Waits that many seconds, then returns true. Fails at once when the process that runs it stops.\n    Example: test.sleep 20\n\n    length (number, required): seconds',
    )
  })

  it('gives JSON Schema for NATS clients', () => {
    expect(jsonSchema(modules.get('test.echo'))).toMatchObject({
      type: 'object',
      properties: { text: { type: 'string' } },
      required: ['text'],
      additionalProperties: false,
    })
  })
})

async function userModules(source: string, file = 'disk.mjs'): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-modules-'))
  await mkdir(join(dir, 'modules'))
  await writeFile(join(dir, 'modules', file), source)
  return dir
}
