import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Document, parse, parseAllDocuments } from 'yaml'
import { ruleFileSchema, ruleJsonSchema } from '../../../src/reactor/rules/file-schema.ts'
import { loadRuleFolder, loadRuleText } from '../../../src/reactor/rules/load.ts'

const load = (text: string, file = 'reactors/web.yaml') => loadRuleText(file, text)
const problemsOf = (text: string) => load(text).problems.map(p => `${p.line}:${p.column} ${p.message}`)

/** What does not become a value is no rule either. */
function toValue(document: Document): unknown {
  try {
    return document.toJS()
  } catch {
    return undefined
  }
}

const SOUND = `# yaml-language-server: $schema=../schemas/rule.json
rule: restart-nginx
on: salt/beacon/*/service/nginx
when:
  all:
    - { fact: data, path: $.running, operator: equal, value: false }
do:
  - local.service.restart: { tgt: "{{ data.id }}", args: [nginx] }
  - runner.smtp.send_msg: { profile: ops-mail, subject: "nginx was down on {{ origin }}" }
  - wheel.config.values
`

const DO = 'do: runner.test.arg'
const FAULTS: readonly [what: string, text: string, expected: string][] = [
  [
    'two unnamed documents',
    `on: a\n${DO}\n---\non: b\n${DO}`,
    "1:1 this document needs a name of its own: add 'rule:'",
  ],
  ['a name twice', `rule: a\non: a\n${DO}\n---\nrule: a\non: b\n${DO}`, "5:7 the rule name 'a' is taken on line 1"],
  ['a bad name', `rule: _a\non: a\n${DO}`, "1:7 '_a' is no rule name"],
  ['an unknown key', `on: a\nwhn: {}\n${DO}`, "2:1 unknown key 'whn'. Did you mean 'when'?"],
  ['no on', DO, "1:1 'on' is missing"],
  ['no do', 'on: a', "1:1 'do' is missing"],
  ['a list with a bad glob', `on: [a, "b/[c"]\n${DO}`, "1:9 'b/[c' opens a '[' that is never closed"],
  ['only exclusions', `on: ["!a"]\n${DO}`, "1:5 'on' only excludes"],
  ['an unquoted exclusion', `on: [a, !b/c x]\n${DO}`, '1:9 a value that begins with ! must be quoted: "!b/c x"'],
  ['a key twice', `on: a\non: b\n${DO}`, '2:1 Map keys must be unique'],
  ['broken YAML', `on: a\n  b: c\n${DO}`, '1:5 Nested mappings are not allowed'],
  ['a document that is no map', '- a', "1:1 a rule is a map with 'on' and 'do'"],
  [
    'an unquoted template',
    'on: a\ndo:\n  - local.test.ping: { tgt: {{ data.id }} }',
    '3:30 a value that begins with {{ must be quoted: "{{ data.id }}"',
  ],
  ['an unquoted star', `on: *\n${DO}`, '1:5 a value that begins with * must be quoted: "*"'],
  ['an unquoted glob', `on: */web\n${DO}`, '1:5 a value that begins with * must be quoted: "*/web"'],
  ['an unquoted glob in a list', `on: [a, **]\n${DO}`, '1:9 a value that begins with * must be quoted: "**"'],
  ['an unquoted anchor', `on: &web\n${DO}`, '1:5 a value that begins with & must be quoted: "&web"'],
  [
    'a bare target',
    'on: a\ndo: { local.test.ping: { tgt: * } }',
    '2:31 a value that begins with * must be quoted: "*"',
  ],
  [
    'a bare template with more text',
    'on: a\ndo:\n  - local.test.ping:\n      tgt: {{ data.id }}-x # that one',
    'a value that begins with {{ must be quoted: "{{ data.id }}-x"',
  ],
  ['a bare block', `on: {% if a %}b{% endif %}\n${DO}`, 'must be quoted: "{% if a %}b{% endif %}"'],
  [
    'target for tgt',
    'on: a\ndo:\n  - local.test.ping: { target: web1 }',
    "3:24 local.test.ping: unknown key 'target'. Did you mean 'tgt'?",
  ],
  [
    'an unknown name in a template',
    'on: a\ndo:\n  - runner.test.arg: ["{{ dta.id }}"]',
    "3:23 runner.test.arg: 'dta' is unknown here. Did you mean 'data'?",
  ],
  [
    'a template in a key',
    'on: a\ndo:\n  - runner.test.arg: { "{{ tag }}": 1 }',
    "3:24 '{{ tag }}': templates have no place in keys",
  ],
  [
    'a template that does not parse',
    'on: a\ndo:\n  - runner.test.arg: { x: "{{ data. }}" }',
    '3:27 runner.test.arg: expected a name or number',
  ],
  [
    'an unknown filter',
    'on: a\ndo:\n  - runner.test.arg: ["{{ tag | uper }}"]',
    "3:23 runner.test.arg: there is no filter 'uper'. Did you mean 'upper'?",
  ],
  [
    'a wrong condition',
    `on: a\nwhen:\n  all:\n    - { fact: data, operator: equl, value: 1 }\n${DO}`,
    `4:31 unknown operator "equl". Did you mean 'equal'?`,
  ],
  [
    'a number that loses digits',
    'on: a\ndo:\n  - runner.test.arg: [20261120091820837210]',
    '3:23 20261120091820840000 is too large to stay exact: quote it',
  ],
  ['a number JSON has not', 'on: a\ndo:\n  - runner.test.arg: [.nan]', '3:23 NaN is no number that JSON can carry'],
  ['an alias within itself', 'on: a\ndo:\n  - runner.test.arg: &x [*x]', 'an alias contains itself'],
  [
    'an unknown kind',
    'on: a\ndo:\n  - locl.test.ping: { tgt: a }',
    "3:5 'locl.test.ping' begins with 'locl', not with local, runner or wheel. Did you mean 'local'?",
  ],
  ['a short function name', 'on: a\ndo:\n  - runner.arg', "3:5 'runner.arg' is not runner.module.function"],
  [
    'two functions in one map',
    'on: a\ndo:\n  - runner.test.arg: 1\n    runner.test.fail: 2',
    "begin each function with its own '-'",
  ],
  ['local without tgt', 'on: a\ndo:\n  - local.test.ping: {}', "3:22 local.test.ping: 'tgt' is missing"],
  [
    'a loose argument of local',
    'on: a\ndo:\n  - local.test.echo: { tgt: a, text: x }',
    "3:32 local.test.echo: unknown key 'text' beside 'tgt'",
  ],
  [
    'a returner that a template would name',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, ret: "{{ data.to }}" }',
    "3:37 local.test.ping: 'ret' is no template: what an event says must not choose where returns go",
  ],
  [
    'a setting of a returner that is a template',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, ret: mysql, ret_kwargs: { host: "{{ data.to }}" } }',
    "local.test.ping: 'ret_kwargs' is no template",
  ],
  [
    'a returner that is no name',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, ret: My SQL }',
    "3:37 local.test.ping: 'ret' must be names of returners with commas, such as 'mysql,redis', got \"My SQL\"",
  ],
  [
    'settings of no returner',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, ret_config: other }',
    "3:32 local.test.ping: 'ret_config' is for returners: name them in 'ret', such as ret: mysql",
  ],
  [
    "another word for 'ret'",
    'on: a\ndo:\n  - local.test.ping: { tgt: a, returner: mysql }',
    "3:32 local.test.ping: unknown key 'returner'. Did you mean 'ret'?",
  ],
  [
    'a target type not built',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, tgt_type: regex }',
    '3:42 local.test.ping: unknown tgt_type "regex"',
  ],
  [
    'args that are a text',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, args: b }',
    `3:38 local.test.ping: 'args' is a list or a map, got "b"`,
  ],
  [
    'both spellings',
    'on: a\ndo:\n  - local.test.ping: { tgt: a, args: [b], arg: [c] }',
    "'args' and 'arg' are the same",
  ],
  [
    'parameters that are a text',
    'on: a\ndo:\n  - runner.test.arg: x',
    '3:22 runner.test.arg: runner functions take a map of named arguments or a list, got "x"',
  ],
]

describe('a rule file', () => {
  it('is read into a plain document that knows its place', () => {
    expect(load(SOUND)).toEqual({
      warnings: [],
      problems: [],
      rules: [
        {
          rule: 'restart-nginx',
          on: ['salt/beacon/*/service/nginx'],
          when: { all: [{ fact: 'data', path: '$.running', operator: 'equal', value: false }] },
          do: [
            { kind: 'local', fun: 'service.restart', params: { tgt: '{{ data.id }}', args: ['nginx'] } },
            {
              kind: 'runner',
              fun: 'smtp.send_msg',
              params: { profile: 'ops-mail', subject: 'nginx was down on {{ origin }}' },
            },
            { kind: 'wheel', fun: 'config.values', params: null },
          ],
          source: { file: 'reactors/web.yaml', line: 2 },
        },
      ],
    })
  })

  it('names its only rule after itself', () => {
    expect(load('on: a\ndo: runner.test.arg').rules[0]?.rule).toBe('web')
  })

  it('holds several documents, of which empty ones do not count', () => {
    const { rules, problems } = load(
      '---\nrule: a\non: a\ndo: runner.test.arg\n---\n---\non: b\ndo: {runner.test.arg: [1]}\n',
    )
    expect(problems).toEqual([])
    expect(rules.map(rule => [rule.rule, rule.source.line])).toEqual([
      ['a', 2],
      ['web', 7],
    ])
  })

  it('keeps its good documents when another has a problem', () => {
    const { rules, problems } = load('rule: a\non: a\ndo: runner.test.arg\n---\nrule: b\non: "[x"\ndo: runner.test.arg')
    expect(rules.map(rule => rule.rule)).toEqual(['a'])
    expect(problems).toMatchObject([{ file: 'reactors/web.yaml', line: 6, column: 5, rule: 'b' }])
  })

  it.each(FAULTS)('with %s says where and what', (_what, text, expected) => {
    expect(
      problemsOf(text).some(problem => problem.includes(expected)),
      problemsOf(text).join('\n'),
    ).toBe(true)
    expect(load(text).rules.length).toBeLessThan(2)
  })

  it('comes to an end with garbage on one line', () => {
    expect(load('[{: \u0001 : }}}}]]]'.repeat(10_000)).problems.length).toBeGreaterThan(0)
  })

  it('says one thing only about one slip', () => {
    expect(problemsOf(`on: {% if a %}b{% endif %}\n${DO}`)).toHaveLength(1)
    expect(problemsOf('on: a\ndo:\n  - local.test.ping: { target: web1 }')).toHaveLength(1)
  })

  it('may use anchors and aliases as YAML means them', () => {
    const { rules, problems } = load('on: &x my/*\ndo:\n  - runner.test.arg: [*x, &y b, *y]')
    expect(problems).toEqual([])
    expect(rules[0]?.do[0]?.params).toEqual(['my/*', 'b', 'b'])
  })

  it('does not expand aliases without end', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `x${i + 1}: &x${i + 1} [${Array(9).fill(`*x${i}`).join(', ')}]`)
    const text = `on: a\ndo:\n  - runner.test.arg:\n      x0: &x0 [lol]\n${levels.map(line => `      ${line}`).join('\n')}`
    expect(problemsOf(text)[0]).toMatch(/^1:1 Excessive alias count/)
  })

  it('survives nesting without end', () => {
    expect(load(`on: ${'['.repeat(50_000)}`).problems.length).toBeGreaterThan(0)
    expect(problemsOf(`on: a\ndo:\n  - runner.test.arg: ${'['.repeat(60)}1${']'.repeat(60)}`)[0]).toMatch(
      'nested deeper than 50',
    )
  })

  it('keeps a parameter named __proto__ an ordinary key', () => {
    const [rule] = load('on: a\ndo:\n  - runner.test.arg: { __proto__: 1 }').rules
    expect(Object.keys(rule?.do[0]?.params as object)).toEqual(['__proto__'])
  })
})

/** Faults that a schema of one document's values cannot see. */
const BEYOND_SCHEMA: readonly string[] = [
  'two unnamed documents',
  'a name twice',
  'a list with a bad glob',
  'only exclusions',
  'an unquoted exclusion',
  'an unknown name in a template',
  'a setting of a returner that is a template',
  'settings of no returner',
  'a template in a key',
  'a template that does not parse',
  'an unknown filter',
  'a number that loses digits',
  'a number JSON has not',
  'an alias within itself',
  'both spellings',
]

describe('the JSON Schema', () => {
  const readable = FAULTS.filter(([, text]) => parseAllDocuments(text).every(one => one.errors.length === 0))

  it.each(readable)('refuses a file with %s as the loader does, where it can see it', (what, text) => {
    const documents = parseAllDocuments(text).map(document => ruleFileSchema.safeParse(toValue(document)).success)
    expect(documents.includes(false)).toBe(!BEYOND_SCHEMA.includes(what))
  })

  it('accepts what the loader accepts and refuses unknown keys', () => {
    expect(ruleFileSchema.safeParse(parse(SOUND)).success).toBe(true)
    for (const text of ['on: a\ndo: runner.test.arg', 'on: [a]\ndo: { local.test.ping: { tgt: [a] } }']) {
      expect(load(text).problems).toEqual([])
      expect(ruleFileSchema.safeParse(parse(text)).success).toBe(true)
    }
    for (const text of [
      'on: a',
      'on: a\ndo: local.test.ping',
      'on: a\ndo: runner.x',
      'on: a\nwhn: 1\ndo: runner.test.arg',
    ])
      expect(ruleFileSchema.safeParse(parse(text)).success).toBe(load(text).problems.length === 0)
  })

  it('is compared on faults that there are', () => {
    const names = readable.map(([what]) => what)
    expect(BEYOND_SCHEMA.filter(what => !names.includes(what))).toEqual([])
  })

  it('names the keys of a rule', () => {
    const keys = 'rule description on when do mode priority stop recursion retry on_failure on_unknown concurrency lane'
    expect(Object.keys(ruleJsonSchema().properties as object)).toEqual(
      `${keys} max_targets throttle count all_of absent group`.split(' '),
    )
  })
})

describe('a folder of rules', () => {
  async function folder(files: Record<string, string>): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(path, name, '..'), { recursive: true })
      await writeFile(join(path, name), text)
    }
    return path
  }
  const rule = 'on: a\ndo: runner.test.arg'

  it('gives the rules of its yaml files in sorted order, subfolders included, dotfiles not', async () => {
    const path = await folder({
      'b.yaml': rule,
      'a.yml': rule,
      'sub/c.yaml': rule,
      '.d.yaml': rule,
      '.git/e.yaml': rule,
      'f.txt': rule,
    })
    const { rules, problems, files } = await loadRuleFolder(path)
    expect(problems).toEqual([])
    expect(rules.map(one => one.rule)).toEqual(['a', 'b', 'c'])
    expect(files).toEqual([join(path, 'a.yml'), join(path, 'b.yaml'), join(path, 'sub/c.yaml')])
  })

  it('may be one file', async () => {
    const path = await folder({ 'a.yaml': rule })
    expect((await loadRuleFolder(join(path, 'a.yaml'))).rules).toHaveLength(1)
  })

  it('refuses a name taken in another file and names both places', async () => {
    const path = await folder({ 'a.yaml': rule, 'b.yaml': `\nrule: a\n${rule}` })
    const { rules, problems } = await loadRuleFolder(path)
    expect(rules).toHaveLength(1)
    expect(problems).toEqual([
      {
        file: join(path, 'b.yaml'),
        line: 2,
        column: 1,
        rule: 'a',
        message: `the rule name 'a' is taken by ${join(path, 'a.yaml')}:1`,
      },
    ])
  })

  it.each([
    ['NUL bytes', Buffer.from([0x6f, 0x6e, 0, 1]), /not a text file: byte 2 is NUL/],
    ['bytes that are no UTF-8', Buffer.from([0x6f, 0xff, 0xfe]), /not a text file: it is not UTF-8/],
    ['more than it may', Buffer.alloc(1024 * 1024 + 1, '#'), /1048577 bytes, more than 1048576: split it/],
  ])('refuses a file with %s and reads the rest', async (_what, bytes, message) => {
    const path = await folder({ 'b.yaml': rule })
    await writeFile(join(path, 'a.yaml'), bytes)
    const { rules, problems } = await loadRuleFolder(path)
    expect(rules.map(one => one.rule)).toEqual(['b'])
    expect(problems).toMatchObject([{ file: join(path, 'a.yaml'), line: 1, message: expect.stringMatching(message) }])
  })

  it('tells of a link to nowhere, a link to itself and a folder named like a file, and reads the rest', async () => {
    const path = await folder({ 'z.yaml': rule, 'other/notes.txt': '' })
    await symlink(join(path, 'gone'), join(path, 'a.yaml'))
    await symlink(join(path, 'b.yaml'), join(path, 'b.yaml'))
    await symlink(join(path, 'other'), join(path, 'c.yaml'))
    const { rules, problems } = await loadRuleFolder(path)
    expect(rules.map(one => one.rule)).toEqual(['z'])
    expect(problems.map(one => one.message)).toEqual([
      expect.stringContaining('cannot be read: ENOENT'),
      expect.stringContaining('cannot be read: ELOOP'),
      'this is no file',
    ])
  })

  it('leaves a name to the rule in force, whichever file comes first', async () => {
    const path = await folder({ 'a.yaml': `rule: same\n${rule}`, 'b.yaml': `\nrule: same\n${rule}` })
    const inForce = loadRuleText(join(path, 'b.yaml'), `\nrule: same\n${rule}`).rules
    const { rules, problems } = await loadRuleFolder(path, { inForce })
    expect(rules.map(one => one.source.file)).toEqual([join(path, 'b.yaml')])
    expect(problems).toMatchObject([
      {
        file: join(path, 'a.yaml'),
        message: `the rule name 'same' is taken by ${join(path, 'b.yaml')}:2, which is in force`,
      },
    ])
  })

  it('that is not there is an error that names it', async () => {
    await expect(loadRuleFolder('/nowhere/at/all')).rejects.toMatchObject({
      code: 'bad_rule',
      message: expect.stringContaining('/nowhere/at/all'),
    })
  })
})
