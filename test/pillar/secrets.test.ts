import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { pillarOf } from './pillar-roots.ts'

const TOP = "base: {'*': [main]}"
const SECRET = 'correct horse battery'

async function withSecret(main: string, more: Record<string, string> = {}) {
  return pillarOf(
    { 'base/top.sls': TOP, 'base/main.sls': main, ...more },
    { env: { DB_PASSWORD: SECRET, SHORT: 'abc' } },
  )
}

describe('a secret of pillar', () => {
  it('is for the minion alone: until then nobody has it', async () => {
    const pillar = await withSecret('db: {user: app, password: !env DB_PASSWORD}\n')
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(JSON.stringify(value)).not.toContain(SECRET)
    expect(pillar.secrets.hide(value)).toEqual({ db: { user: 'app', password: '[redacted]' } })
    expect(pillar.secrets.reveal(value)).toEqual({
      value: { db: { user: 'app', password: SECRET } },
      secrets: [SECRET],
    })
  })

  it('may be in a file, of which the last end of line is none of it', async () => {
    const file = join(await testFolder(), 'key.pem')
    await writeFile(file, 'line one\nline two\n')
    const pillar = await withSecret(`key: !file ${file}\n`)
    const { value } = await pillar.compile()
    expect(pillar.secrets.reveal(value).value).toEqual({ key: 'line one\nline two' })
  })

  it('may be imported and filled into a longer text', async () => {
    const pillar = await withSecret(
      "{% import_yaml 'secrets.yaml' as secrets %}\nurl: https://app:{{ secrets.password }}@db/\n",
      { 'base/secrets.yaml': 'password: !env DB_PASSWORD\n' },
    )
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(pillar.secrets.hide(value)).toEqual({ url: 'https://app:[redacted]@db/' })
    expect(pillar.secrets.reveal(value).value).toEqual({ url: `https://app:${SECRET}@db/` })
  })

  it.each<[string, string, RegExp]>([
    ['of a variable that is not set', 'b: !env GONE\n', /the environment variable GONE is not set/],
    ['that is too short to be hidden', 'b: !env SHORT\n', /!env SHORT: the secret has fewer than 4 characters/],
    ['of a file that is not there', 'b: !file /nowhere/at/all\n', /cannot read the file \/nowhere\/at\/all/],
    ['of a relative path', 'b: !file key.pem\n', /!file takes the absolute path of a file, got 'key.pem'/],
    ['without a name', 'b: !env\n', /!env takes the name of an environment variable/],
  ])('%s is an error that names it, and its SLS is left out', async (_what, main, error) => {
    const pillar = await withSecret(main, { 'base/top.sls': "base: {'*': [main, other]}", 'base/other.sls': 'a: 1\n' })
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([expect.stringMatching(error)])
    expect(value).toEqual({ a: 1 })
    expect(errors.join()).not.toContain('abc')
  })

  it('cannot be written by who does not know its mark', async () => {
    const pillar = await withSecret('a: !env DB_PASSWORD\nos: {{ grains.os }}\n')
    const { value } = await pillar.compile({ grains: { os: 'secret0000n0e' } })
    expect(pillar.secrets.reveal(value).value).toEqual({ a: SECRET, os: 'secret0000n0e' })
  })

  it.each<[string, string, Record<string, unknown>]>([
    ['as a grain', 'os: {{ grains.os }}\n', { grains: { os: '!env DB_PASSWORD' } }],
    ['behind a line of its own', 'os: {{ grains.os }}\n', { grains: { os: 'x\nb: !env DB_PASSWORD' } }],
    ['within a list', 'os: [{{ grains.os }}]\n', { grains: { os: 'x, !env DB_PASSWORD' } }],
    ['in full', 'os: {{ grains.os }}\n', { grains: { os: '!<!env> DB_PASSWORD' } }],
    ['by another handle', '{{ grains.os }}\n', { grains: { os: '%TAG ! !e\n---\nb: !nv DB_PASSWORD' } }],
    ['as pillar laid over it', 'os: {{ pillar.name }}\n', { override: { name: '!env DB_PASSWORD' } }],
    ['as a file', 'os: {{ grains.os }}\n', { grains: { os: '!file /etc/hostname' } }],
    [
      'as YAML that a template reads',
      '{% set os = grains.os | load_yaml %}\nos: {{ os }}\n',
      { grains: { os: '!env DB_PASSWORD' } },
    ],
    [
      'in a block that a template reads',
      '{% load_yaml as os %}\na: {{ grains.os }}\n{% endload %}\nos: {{ os.a }}\n',
      { grains: { os: '!env DB_PASSWORD' } },
    ],
  ])('cannot be named by a minion %s, where a template fills it in', async (_how, main, ask) => {
    const pillar = await withSecret(`${main}own: !env DB_PASSWORD\n`)
    const { value, errors } = await pillar.compile(ask)
    const { value: revealed } = pillar.secrets.reveal(value)
    expect(JSON.stringify({ ...(revealed as object), own: '' })).not.toContain(SECRET)
    expect(errors.join()).not.toContain(SECRET)
  })

  it('tells by its mark, should a template let it out, nothing of others', async () => {
    const pillar = await withSecret('{% import_yaml "s.yaml" as s %}\na: {{ s.a | upper }}\n', {
      'base/s.yaml': 'a: !env DB_PASSWORD\nb: !env OTHER\n',
    })
    const { value } = await pillar.compile()
    const mark = String(value.a).toLowerCase()
    const guesses = Array.from({ length: 36 ** 2 }, (_, n) => n.toString(36).padStart(2, '0')).flatMap(end => [
      mark.slice(0, -2) + end,
      mark.slice(0, -3) + end + mark.slice(-1),
    ])
    const { secrets } = pillar.secrets.reveal(guesses.filter(guess => guess !== mark))
    expect(secrets).toEqual([])
  })

  it('is named by its tag alone: as a word in a text the tag is that word', async () => {
    const pillar = await withSecret('motd: "write !env NAME"\nto: "!file"\n', { 'base/other.txt': '!env' })
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(pillar.secrets.hide(value)).toEqual({ motd: 'write !env NAME', to: '!file' })
    expect(pillar.secrets.reveal(value).value).toEqual({ motd: 'write !env NAME', to: '!file' })
  })
})

describe('an include of pillar', () => {
  const OTHERS = { 'base/web.sls': 'password: !env DB_PASSWORD\n' }
  it.each<[string, string]>([
    ['behind a line of its own', 'x\ninclude: [web]'],
    ['within quotes', 'x\n"include": [web]'],
    ['in a document of its own', 'x\n? include\n: [web]'],
  ])('is not named by a minion %s, where a template fills its grain in', async (_how, os) => {
    const pillar = await withSecret('os: {{ grains.os }}\n', OTHERS)
    const { value, errors } = await pillar.compile({ grains: { os } })
    expect(value).toEqual({ os: 'x' })
    expect(errors).toEqual([expect.stringContaining('an include that a template has filled in is not followed')])
  })

  it.each<[string, string]>([
    ['as a list', 'include:\n  - web\n'],
    ['within a condition', "{% if grains.os == 'Debian' %}\ninclude: [web]\n{% endif %}\n"],
    ['within quotes', '"include" : [{{ "web" }}]\n'],
    ['in a flow', '{include: [web]}\n'],
    ['in JSON', '#!json\n{"include": ["web"]}'],
  ])('is followed where the file has it %s', async (_how, main) => {
    const pillar = await withSecret(main, OTHERS)
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(pillar.secrets.hide(value)).toEqual({ password: '[redacted]' })
  })

  it('is a key as any other in what is imported', async () => {
    const files = { 'base/d.yaml': 'include: 1\nown: !env DB_PASSWORD\n' }
    const pillar = await withSecret('{% import_yaml "d.yaml" as d %}\na: {{ d.include }}\nb: {{ d.own }}\n', files)
    const { value } = await pillar.compile()
    expect(pillar.secrets.reveal(value).value).toEqual({ a: 1, b: SECRET })
  })

  it('is a key as any other further down', async () => {
    const pillar = await withSecret("{% set a = {'include': 1} %}\nnginx:\n  include: conf.d\n  n: {{ a.include }}\n")
    expect((await pillar.compile()).value).toEqual({ nginx: { include: 'conf.d', n: 1 } })
  })
})

it('of very many problems of one pillar the first are said', async () => {
  const names = Array.from({ length: 200 }, (_, n) => `gone${n}`)
  const pillar = await withSecret(`include: [${names.join(', ')}]\n`)
  const { errors } = await pillar.compile()
  expect(errors).toHaveLength(51)
  expect(errors.at(-1)).toBe('and 150 more')
})
