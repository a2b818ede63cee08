import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTemplate } from '../../../src/jinja/compile.ts'
import { FILTERS } from '../../../src/jinja/filters.ts'
import { templateSources } from '../../../src/jinja/flow.ts'
import { ALL_SOURCES, SOURCE } from '../../../src/protocol/trust.ts'

const { data, id, tag, grains, origin, gathered } = SOURCE

/** Names of the user's own facts. */
const OWN = new Set(['rack'])

describe('a template is made of', () => {
  it.each([
    ['plain text', 0],
    ['{{ data.name }}', data],
    ["{{ data['name'] }}", data],
    ['{{ data }}', data],
    ['{{ data | tojson }}', data],
    ['{{ data.id }}', id],
    ["{{ data['id'] }}", id],
    ["{{ data.get('id') }}", id],
    ["{{ data.get('id', data.name) }}", id | data],
    ['{{ data.data.id }}', data],
    ["{{ data['i' ~ 'd'] }}", data],
    ["{{ data.id.split('.')[0] }}", id],
    ["{{ tag.split('/')[-1] }}", tag],
    ['{{ minion.os }} of {{ origin }}', grains | origin],
    ['{{ stamp }}', 0],
    ["{{ 'a' if data.x else 'b' }}", 0],
    ["{{ data.x if data.y == 1 else 'b' }}", data],
    ["{{ data.x or 'b' }}", data],
    ["{{ {'a': 'one'}[data.k] }}", 0],
    ['{{ {data.k: 1} }}', data],
    ["{{ data.x == 'a' }}{{ data.x is defined }}{{ not data.x }}", 0],
    ['{{ data.x | length }}', 0],
    ['{{ data.x | int }}', 0],
    ['{{ data.x | int(data.y) }}', data],
    ["{{ 'a' | default(data.x) }}", data],
    ["{{ 'a,b' | replace(',', data.x) }}", data],
    ["{{ ['a', 'b'] | join(tag) }}", tag],
    ['{{ data.x | upper | trim | b64encode }}', data],
    ['{{ data.x[0:3] }}', data],
    ["{{ 'abc'[0:data.n] }}", 0],
    ["{{ 'a' ~ data.x }}", data],
    ["{{ '%s' % data.x }}", data],
    ["{{ '{}'.format(data.x) }}", data],
    ['{{ data.x | allow_untrusted }}', 0],
    ['{{ data.x | allow_untrusted }} {{ data.y }}', data],
    ['{{ (data.x | allow_untrusted) ~ tag }}', tag],
    ["{{ data.x | map('allow_untrusted') }}", data],
    ['{{ job.arg[0] }}', gathered],
    ['{{ job }}', gathered],
    ['{{ job.jid }} {{ job.kind }}', 0],
    ['{{ window.events[0].data.x }}', gathered],
    ["{{ window.events | map(attribute='tag') | list }}", gathered],
    ['{{ window.key }}', gathered],
    ['{{ window.count }} from {{ window.first }} to {{ window["last"] }}', 0],
    ['{{ failure.reason }}', gathered],
    ['{{ failure.rule }}: {{ failure.attempts }} {{ failure.jids }}', 0],
    ['{{ rack.name }}', gathered],
    ['{{ rack.name | allow_untrusted }}', 0],
    ['{% set rack = tag %}{{ rack }}', tag | gathered],
    ['{% set window = {"count": tag} %}{{ window.count }}', tag | gathered],
    ['{{ crate }}', 0],
  ])('%s', (template, sources) => {
    expect(templateSources(template, OWN)).toBe(sources)
  })

  it.each([
    ['{% set a = data.x %}{{ a }}', data],
    ['{{ a }}{% set a = data.x %}', data],
    ['{% set a = tag %}{% set b = a %}{{ b }}', tag],
    ['{% set a, b = data.x, tag %}{{ a }}', data | tag],
    ['{% set a %}on {{ data.x }}{% endset %}{{ a }}', data],
    ['{% set a = data.x %}fixed', 0],
    ["{% filter replace('o', data.x) %}foo{% endfilter %}", data],
    ['{% filter upper %}{{ tag }}{% endfilter %}', tag],
    ['{% for one in data.list %}{{ one.name }}{% endfor %}', data],
    ['{% for one in data.list %}{{ loop.index }} {% endfor %}', 0],
    ['{% for one in data.list %}{{ loop.previtem }}{% endfor %}', data],
    ["{% for one in data.list %}{{ loop.cycle('a', 'b') }}{% endfor %}", data],
    ["{% for one in ['a'] %}{{ one }}{% else %}{{ tag }}{% endfor %}", tag],
    ['{% with a = data.x %}{{ a }}{% endwith %}', data],
    ["{% if data.x %}on{% elif tag == 'a' %}off{% endif %}", 0],
    ['{% if true %}{{ data.x }}{% endif %}', data],
    ['{% set ns = namespace(v=1) %}{% set ns.v = data.x %}{{ ns.v }}', data],
    ['{% set ns = namespace(v=1) %}{% if data.x %}{% set ns.v = 2 %}{% endif %}{{ ns.v }}', 0],
    ['{% set ns = namespace(v=data.x) %}{{ ns.v }}', data],
    ['{% set a = [] %}{% do a.append(data.x) %}{{ a }}', data],
    ['{% set a = [] %}{% set b = a %}{% do b.append(data.x) %}{{ a }}', data],
    ['{% set a = [] %}{% set add = a.append %}{% do add(data.x) %}{{ a }}', data],
    ['{% set a = dict() %}{% if a.update({"k": data.x}) %}{% endif %}{{ a }}', data],
    ['{% set data = {"id": tag} %}{{ data.id }}', data | tag],
    ['{% for data in data.list %}{{ data.id }}{% endfor %}', data],
    ['{% set loop = {"index": tag} %}{{ loop.index }}', tag],
    ['{% set f = data.x.upper %}{{ f() }}', data],
    ['{% for x in [[], 1] %}{% if loop.first %}{% do x.append(tag) %}{% endif %}{{ loop.previtem }}{% endfor %}', tag],
  ])('%s', (template, sources) => {
    expect(templateSources(template, OWN)).toBe(sources)
  })
})

describe('a name that the analysis leaves out', () => {
  // Marks that no filter of the sample can take apart: each value of an event is made of its own letter alone.
  const LETTERS: Record<number, string> = {
    [data]: 'Ж',
    [id]: 'Щ',
    [tag]: 'Ю',
    [grains]: 'Я',
    [origin]: 'Ф',
    [gathered]: 'Б',
  }
  const of = (source: number) => LETTERS[source]!.repeat(3)
  const names = {
    data: { id: of(id), x: of(data), n: 2, list: [of(data), of(data)], map: { k: of(data) } },
    tag: of(tag),
    minion: { os: of(grains) },
    origin: of(origin),
    stamp: '2026',
    job: { jid: '20261120091820837210', kind: 'local', fun: of(gathered), arg: [of(gathered)] },
    window: { key: of(gathered), count: 2, first: '2026', last: '2026', events: [{ data: { x: of(gathered) } }] },
    failure: { rule: 'r', reason: of(gathered), attempts: 2, jids: ['20261120091820837210'] },
    rack: { name: of(gathered) },
  }
  const leaf = fc.constantFrom(
    ...[
      'data.x',
      'data.id',
      "data['id']",
      "data.get('id')",
      'data',
      'tag',
      'minion.os',
      'origin',
      'stamp',
      'a',
      'b',
      'ns.v',
    ],
    ...[
      "'lit'",
      '1',
      'true',
      'data.list[0]',
      'data.map.k',
      "data.get('no', tag)",
      'job.arg[0]',
      'job.jid',
      'job',
      'window.events[0].data.x',
      'window.key',
      'window.count',
      "window.get('first', window.key)",
      'failure.reason',
      'failure',
      'rack.name',
      'rack',
      'lst[0]',
      'lst',
      'm.k',
      'm',
      'one',
      'loop.index',
    ],
    ...['loop.previtem', 'data.n', 'f()'],
  )
  const filter = fc.constantFrom(
    ...[
      'upper',
      'lower',
      'trim',
      'length',
      'int',
      'string',
      'list',
      'first',
      'last',
      'tojson',
      'default(b)',
      'join(a)',
    ],
    ...[
      "replace('l', tag)",
      'int(a)',
      'float(data.x)',
      'default(data.x, true)',
      'reverse',
      'unique',
      'sort',
      'abs',
      'round',
    ],
    ...[
      "map('upper')",
      "select('string')",
      'urlencode',
      'title',
      'truncate(2)',
      'center(9)',
      'batch(2, a)',
      'dictsort',
      'items',
    ],
  )
  const expr = fc.letrec<{ e: string }>(tie => ({
    e: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.tuple(tie('e'), filter).map(([e, f]) => `(${e}) | ${f}`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `((${a}) ~ (${b}))`),
      fc.tuple(tie('e'), tie('e'), tie('e')).map(([a, b, c]) => `((${a}) if (${b}) else (${c}))`),
      fc
        .tuple(tie('e'), fc.constantFrom('and', 'or', '+', '==', '*'), tie('e'))
        .map(([a, o, b]) => `((${a}) ${o} (${b}))`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `[${a}, ${b}]`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `{'k': ${a}, 'id': ${b}}`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `{'k': ${a}, 'id': 'i'}[${b}]`),
      fc.tuple(tie('e'), tie('e')).map(([a, b]) => `[${a}, 'z'].index(${b})`),
      tie('e').map(a => `'<{}>'.format(${a})`),
      tie('e').map(a => `lst.append(${a})`),
      tie('e').map(a => `m.update({'k': ${a}})`),
      tie('e').map(a => `(${a}) is string`),
      tie('e').map(a => `(${a})[0:1]`),
      tie('e').map(a => `{'g': lst.append}.g(${a})`),
    ),
  })).e
  const statement = fc.letrec<{ s: string }>(tie => ({
    s: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      expr.map(e => `{{ ${e} }}`),
      expr.map(e => `{% do ${e} %}`),
      fc
        .tuple(fc.constantFrom('a', 'b', 'ns.v', 'data', 'lst', 'm', 'loop', 'tag', 'job', 'rack'), expr)
        .map(([n, e]) => `{% set ${n} = ${e} %}`),
      expr.map(e => `{% set f = (${e}).upper %}`),
      fc.constant('{% set f = lst.append %}'),
      fc.constant('{% set a = lst %}'),
      fc.tuple(tie('s'), filter).map(([s, f]) => `{% set b | ${f} %}${s}{% endset %}`),
      fc.tuple(tie('s'), filter).map(([s, f]) => `{% filter ${f} %}${s}{% endfilter %}`),
      fc.tuple(expr, tie('s'), tie('s')).map(([e, s, t]) => `{% if ${e} %}${s}{% else %}${t}{% endif %}`),
      fc.tuple(expr, tie('s')).map(([e, s]) => `{% for one in ${e} %}${s}{% endfor %}`),
      fc.tuple(expr, tie('s')).map(([e, s]) => `{% for a in [1, ${e}] %}${s}{% else %}n{% endfor %}`),
      fc.tuple(expr, tie('s')).map(([e, s]) => `{% with a = ${e} %}${s}{% endwith %}`),
      fc.tuple(tie('s'), tie('s')).map(([s, t]) => s + t),
    ),
  })).s
  /** Small steps that work, so that what one leaves behind is read by another. */
  const step = fc.oneof(
    leaf.map(e => `{{ ${e} }}`),
    leaf.map(e => `{% do lst.append(${e}) %}`),
    leaf.map(e => `{% do m.update({'k': ${e}}) %}`),
    leaf.map(e => `{% do f(${e}) %}`),
    fc
      .tuple(fc.constantFrom('a', 'b', 'ns.v', 'one', 'data', 'tag', 'window', 'rack'), leaf)
      .map(([n, e]) => `{% set ${n} = ${e} %}`),
    leaf.map(e => `{% set data = {'id': ${e}, 'x': 1} %}`),
    fc.constantFrom('{% set a = lst %}', '{% set b = a %}', '{% set f = lst.append %}', '{{ lst }}{{ m }}{{ ns.v }}'),
    leaf.map(e => `{% for b in ['x', ${e}] %}{{ loop.nextitem | default('') }}{{ loop.index }}{% endfor %}`),
  )
  const steps = fc.array(step, { minLength: 2, maxLength: 6 }).map(all => all.join(''))
  const START =
    "{% set a = '' %}{% set b = '' %}{% set lst = ['l'] %}{% set m = dict(k='k') %}{% set ns = namespace(v='v') %}"

  it('never shows in what is rendered', () => {
    let rendered = 0
    const encoded = (source: number) => {
      const text = LETTERS[source]!
      return [text, text.toLowerCase(), encodeURIComponent(text), JSON.stringify(text).slice(1, -1)]
        .concat(
          `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`,
          `\\u${text.toLowerCase().charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
        .concat(encodeURIComponent(text.toLowerCase()))
    }
    fc.assert(
      fc.property(fc.oneof(statement, steps), body => {
        const source = START + body
        let value: unknown
        let sources: number
        try {
          value = compileTemplate(source).render(names)
        } catch {
          return
        }
        rendered++
        sources = templateSources(source, OWN)
        const text = JSON.stringify(value)
        // The id is part of the data.
        for (const one of [data, id, tag, grains, origin, gathered])
          if ((sources & (one === id ? id | data : one)) === 0 && encoded(one).some(form => text.includes(form)))
            throw new Error(`${body} gave ${text} with source ${one}, which is not in ${sources}`)
      }),
      { numRuns: 2500 },
    )
    expect(rendered).toBeGreaterThan(400)
  })

  it('is counted by every filter that is not known to give numbers', () => {
    const free = ['length', 'count', 'wordcount', 'abs', 'round', 'int', 'float', 'allow_untrusted']
    for (const name of Object.keys(FILTERS))
      expect([name, templateSources(`{{ data.x | ${name} }}`)]).toEqual([name, free.includes(name) ? 0 : data])
  })
})

it('leaves no bit unused', () => {
  expect(data | id | tag | grains | origin | gathered).toBe(ALL_SOURCES)
})
