import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configJsonSchema, describeConfig } from '../../src/config/docs.ts'
import { loadConfig, mergeConfig, parseConfig } from '../../src/config/load.ts'
import { testFolder } from '../helpers/folder.ts'

async function fileOf(text: string): Promise<string> {
  const file = join(await testFolder(), 'reactor.yaml')
  await writeFile(file, text)
  return file
}

describe('the configuration', () => {
  it('has defaults for all of it', async () => {
    const config = await loadConfig(undefined)
    expect(config).toMatchObject({
      namespace: 'reactor',
      isolation: 'accounts',
      streams: { events_max_age: 7 * 86_400_000 },
      master: { lost_after: 25_000 },
      jobs: { concurrency: 128, job_timeout: 300_000 },
      minion: { id: hostname(), beat: 10_000 },
      schedule: {},
    })
    expect(await loadConfig(await fileOf(''))).toEqual(config)
    expect(await loadConfig(await fileOf('# nothing yet\n'))).toEqual(config)
  })

  it('takes the file, and over it the command line, maps into maps', async () => {
    const file = await fileOf('namespace: a\nminion: { id: web1, beat: 1m30s }\njobs: { job_timeout: 5 }\n')
    const config = await loadConfig(file, {
      namespace: 'b',
      log_level: undefined,
      minion: { id: 'web2', dir: undefined },
    })
    expect(config).toMatchObject({
      namespace: 'b',
      log_level: 'info',
      minion: { id: 'web2', beat: 90_000, dir: 'var/minion' },
      jobs: { job_timeout: 5000 },
    })
  })

  it.each([
    ['an unknown setting', 'namespaces: x', "unknown setting 'namespaces'. Did you mean 'namespace'?"],
    ['one inside a section', 'minion: { ids: x }', "unknown setting 'minion.ids'. Did you mean 'id'?"],
    [
      'several at once',
      'foo: 1\njobs: { bar: 2 }',
      /unknown setting 'jobs\.bar'.*unknown setting 'foo'|unknown setting 'foo'.*unknown setting 'jobs\.bar'/,
    ],
    ['a duration that is none', 'minion: { beat: soon }', "'minion.beat': 'soon' is not a duration"],
    ['a value of the wrong type', 'jobs: { concurrency: many }', /'jobs\.concurrency': .*number.*got "many"/],
    ['an item of the wrong type', 'servers: [nats://a:4222, 7]', /'servers\.1': .*string.*got 7/],
    [
      'a setting whose neighbour needs it',
      'master: { callout: { seed: x.nk } }',
      /'master\.callout\.issuer' is missing/,
    ],
    ['a namespace with a dot', 'namespace: a.b', /'namespace': .*got "a\.b"/],
    ['an id with a slash', 'minion: { id: a/b }', /'minion\.id': a minion's id is .*got "a\/b"/],
    [
      'an operator without a key',
      'operators: { ada: ada }',
      /'operators': expected a public nkey, .*; got the key "ada"/,
    ],
    ['a section that is a list', 'jobs: [1]', "'jobs'"],
    ['one of several shapes', 'event_return: 7', "'event_return': expected a text or a list; got 7"],
    [
      'one of several shapes that is missing',
      'gateway: { hooks: { /hook/x: {} } }',
      /auth' is missing: expected type: bearer/,
    ],
    [
      'a shape that is none of them',
      'gateway: { hooks: { /hook/x: { auth: bearer } } }',
      /auth': expected type: bearer/,
    ],
    ['a document that is a list', '- 1', 'must be a map of settings'],
    ['no YAML', 'a: [1\nb: 2', /at line \d+, column \d+/],
    ['a key twice', 'namespace: a\nnamespace: b', /unique.*at line 2, column 1/s],
  ])('refuses %s with its name and place', async (_what, text, message) => {
    const file = await fileOf(text)
    await expect(loadConfig(file)).rejects.toMatchObject({
      code: 'bad_config',
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    })
    await expect(loadConfig(file)).rejects.toThrow(file)
  })

  it('refuses a file that is not there', async () => {
    await expect(loadConfig('/nowhere/reactor.yaml')).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('cannot read the config /nowhere/reactor.yaml'),
    })
  })

  it('does not show a secret that is wrong', () => {
    const secret = { profiles: { smtp: { ops: 'hunter2' } } }
    expect(() => parseConfig({ seed: 5, ...secret }, 'x')).toThrow(/'seed'/)
    expect(() => parseConfig({ profiles: { smtp: { ops: { password: 'hunter2' } }, https: {} } }, 'x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})

describe('merging', () => {
  it('leaves both sides as they were, and takes no part in prototypes', () => {
    const base = { a: { b: 1 }, list: [1] }
    const over = JSON.parse('{"a": {"c": 2}, "list": [2], "__proto__": {"polluted": true}}')
    const merged = mergeConfig(base, over)
    expect(merged).toMatchObject({ a: { b: 1, c: 2 }, list: [2] })
    expect(base).toEqual({ a: { b: 1 }, list: [1] })
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('the description of the configuration', () => {
  it('names each setting with its default', () => {
    const settings = new Map(describeConfig().map(setting => [setting.path, setting]))
    expect(settings.get('minion.beat')).toEqual({ path: 'minion.beat', fallback: '"10s"', doc: 'heartbeat' })
    expect(settings.get('minion.id')).not.toHaveProperty('fallback')
    for (const [path, { doc }] of settings) expect(doc, path).not.toBe('')
  })

  it('is a JSON Schema that refuses unknown keys', () => {
    expect(configJsonSchema()).toMatchObject({ type: 'object', additionalProperties: false })
  })
})
