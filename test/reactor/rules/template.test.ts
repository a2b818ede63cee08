import { describe, expect, it } from 'vitest'
import { compileTemplate } from '../../../src/jinja/compile.ts'
import recorded from './jinja-cases.json' with { type: 'json' }

const context = recorded.context as Record<string, unknown>
const render = (template: string, names: Record<string, unknown> = context) => compileTemplate(template).render(names)
/** As text: a template of one expression would keep its type. */
const text = (template: string) => String(render(`${template}{# #}|`)).slice(0, -1)

describe('templates', () => {
  it.each(recorded.texts as [string, string][])('%j gives what Jinja2 gives', (template, expected) => {
    expect(text(template)).toBe(expected)
  })

  it.each(recorded.errors)('%j is refused, as by Jinja2', template => {
    expect(() => text(template)).toThrow(expect.objectContaining({ code: 'template' }))
  })

  it.each([
    ['{{ data.n }}', 3],
    ['{{ data.list }}', [3, 1, 2]],
    ['{{ data.load.core }}', (context.data as { load: { core: unknown } }).load.core],
    ['{{ data.yes }}', true],
    ['{{ data.none }}', null],
    ['{{ 6 / 2 }}', 3],
    ['{{ (1, 2) }}', [1, 2]],
    ['{{ data.n }}\n', 3],
    ['{{ data.list | map("string") | list }}', ['3', '1', '2']],
    ['{{ data.load.items() | first }}', ['1m', 2.25]],
    [' {{ data.n }}', ' 3'],
    ['{{ data.n }}{{ data.n }}', '33'],
  ])('that are one expression keep its type: %j', (template, expected) => {
    expect(render(template)).toEqual(expected)
  })

  it('find a key of event data before a method of that name, and the method when it is called', () => {
    const data = { items: [1], keys: 'k', values: 2, get: 'g', update: 'u', count: 3 }
    expect(render('{{ data.items }}', { data })).toEqual([1])
    expect(render('{{ data.keys }}{{ data.values }}{{ data.get }}{{ data.update }}{{ data.count }}', { data })).toBe(
      'k2gu3',
    )
    expect(render('{{ data.items() | length }}{{ data.get("keys") }}', { data })).toBe('6k')
  })

  it('take nothing as false in `in`, comparisons and loops, where a missing field is no value', () => {
    expect(text("{{ 'x' in data.nope }}{{ data.nope == 1 }}{% for x in data.nope %}x{% else %}-{% endfor %}")).toBe(
      'FalseFalse-',
    )
    expect(text('{{ data.nope | length }}{{ data.nope | list }}{{ data.nope or 1 }}')).toBe('0[]1')
  })

  it.each([
    ['{{ data.nope }}', 'data.nope is undefined'],
    ['x{{ data.nope }}', 'data.nope is undefined'],
    ['{{ data.nope.deep }}', "data.nope is undefined, in 'data.nope.deep'"],
    ['{{ data.nope | upper }}', "data.nope is undefined, in 'data.nope | upper'"],
    ['{{ [data.nope] }}', 'data.nope is undefined'],
    ['{{ minion.os }}', "minion is undefined, in 'minion.os'"],
    ["{{ 'a' if false }}", "''a' if false' without else is undefined"],
    ['{{ data.items }}', 'a method is no value: call it with ()'],
    ['{{ data.id.uper() }}', 'string has no method uper()'],
    ['{{ data.update(x=1) }}', 'event data cannot be changed'],
    ['{{ data.list.append(1) }}', 'event data cannot be changed'],
    ['{{ 9007199254740991 + 1 }}', 'too large to stay exact'],
    ['{{ 10 ** 400 }}', 'the result is too large'],
    ['{{ data.id.replace(1, 2) }}', 'old is text, got int'],
    ['{{ data.list | sort(revers=true) }}', "sort has no argument 'revers'"],
  ])('say what is wrong in %j', (template, message) => {
    const { minion: _, ...names } = context
    expect(() => render(template, names)).toThrow(message)
  })

  it.each([
    ['{{ data. }}', 'expected a name or number'],
    ['{{ data.id', "'{{' is never closed by '}}'"],
    ['{% if data.id %}x', "'{% if %}' is never closed by '{% endif %}'"],
    ['{{ data.id | uper }}', "there is no filter 'uper'. Did you mean 'upper'?"],
    ['{{ data.id is strin }}', "there is no test 'strin'. Did you mean 'string'?"],
    ['{% fore x %}', "unknown block 'fore'. Did you mean 'for'?"],
    ["{% include '/etc/passwd' %}", "'{% include %}' is not available in rules"],
    [`{{ ${'('.repeat(300)}1${')'.repeat(300)} }}`, 'nested too deeply'],
    [`{{ ${'-'.repeat(300)}1 }}`, 'nested too deeply'],
    ['{% if 1 %}'.repeat(60), 'blocks are nested too deeply'],
  ])('that have a mistake do not compile: %j', (template, message) => {
    expect(() => compileTemplate(template)).toThrow(message)
  })

  it.each([
    '{{ range(10**9) }}',
    "{{ 'a' * 10**9 }}",
    '{{ [1] * 10**9 }}',
    '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}',
    "{% set x = 'a' * 1000 %}{% for i in range(20) %}{% set x = x ~ x %}{% endfor %}{% set ns = namespace(t=x) %}{% for i in range(30) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
    "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "{{ ['a' * 100000] * 1000 | join }}{{ (['a' * 100000] * 1000) | join }}",
    "{{ 'x'.center(10**9) }}{{ 'x' | center(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    '{% set l = [1] %}{% for i in range(40) %}{% do l.extend(l) %}{% endfor %}',
    '{% set l = [] %}{% do l.append(l) %}{{ l }}',
    '{% set ns = namespace(x=[0]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}',
    '{{ data.list | batch(10**9, 0) }}',
    '{{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 2 }}',
  ])('end soon and say so when they would take too much: %j', template => {
    expect(() => render(template)).toThrow(expect.objectContaining({ code: 'template' }))
  })

  it.each([
    'data.constructor',
    'data.__proto__',
    "data['__proto__']",
    "data['constructor']",
    'data.list.constructor',
    'data.list.map',
    'data.id.constructor',
    'data.id.toString',
    'data.n.constructor',
    'range.constructor',
    'data.get.constructor',
  ])('reach nothing of JavaScript through %s', expression => {
    expect(render(`{{ ${expression} is defined }}`)).toBe(false)
  })

  it('keep keys such as __proto__ ordinary', () => {
    const data = JSON.parse('{"__proto__": {"polluted": 1}, "x": 2}')
    expect(JSON.stringify(render('{{ data }}', { data }))).toBe('{"__proto__":{"polluted":1},"x":2}')
    render("{% set d = {} %}{% do d.update({'__proto__': {'polluted': 1}}) %}{{ d }}")
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('leave the values they were given as they were', () => {
    const data = { list: [1], map: { a: 1 } }
    const template = compileTemplate(
      '{% set l = data.list | list %}{% do l.append(2) %}{% set d = dict(data.map, b=2) %}{{ l }}{{ d }}',
    )
    expect(template.render({ data })).toBe("[1, 2]{'a': 1, 'b': 2}")
    expect(template.render({ data })).toBe("[1, 2]{'a': 1, 'b': 2}")
    expect(data).toEqual({ list: [1], map: { a: 1 } })
  })

  it("know Salt's filters", () => {
    expect(text("{{ 'ü' | base64_encode }} {{ 'w7w=' | base64_decode }}")).toBe('w7w= ü')
    expect(text(`{{ 'a"b' | yaml_dquote }} {{ "it's" | yaml_squote }} {{ {'b': 1, 'a': '<'} | json }}`)).toBe(
      `"a\\"b" 'it''s' {"a": "<", "b": 1}`,
    )
  })
})
