import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { renderSls, renderText } from '../../src/sls/render.ts'
import type { SlsSurroundings } from '../../src/sls/types.ts'

const grains = { id: 'web1', os: 'Debian', roles: ['web'] }
const pillar = { web: { port: 80 }, users: ['ann'] }

/** Surroundings whose functions answer later, unless told otherwise, and what was asked of them. */
function around(files: Record<string, string> = {}, answers: Record<string, (...args: unknown[]) => unknown> = {}) {
  const asked: unknown[] = []
  const surroundings: SlsSurroundings = {
    async load(path, saltenv) {
      asked.push([path, saltenv])
      return files[path]
    },
    async call(fun, args, named) {
      asked.push([fun, ...args, named])
      const answer = answers[fun]
      if (!answer) throw new ReactorError('unknown_function', `there is no function '${fun}'`)
      return answer(...args)
    },
    has: fun => Object.hasOwn(answers, fun),
    names: { grains, pillar, opts: { id: 'web1' } },
  }
  return { asked, surroundings }
}

const sls = (text: string, { surroundings } = around(), path = 'web/init.sls') =>
  renderSls({ path, text, sls: 'web', saltenv: 'base' }, surroundings)

describe('an SLS file', () => {
  it('is Jinja and then YAML, with grains and pillar', async () => {
    const text = `{% for user in pillar.users %}
{{ user }}:
  user.present:
    - home: /home/{{ user }}-{{ grains['id'] }}
{% endfor %}`
    expect(await sls(text)).toEqual({ ann: { 'user.present': [{ home: '/home/ann-web1' }] } })
  })

  it('sees names of itself, as in Salt', async () => {
    const text = `{{ [sls, slspath, sls_path, slsdotpath, slscolonpath, tplpath, tplfile, tpldir, tpldot, saltenv, env] | json }}`
    const named = { path: 'web/tls/init.sls', text, sls: 'web.tls', saltenv: 'dev' }
    const folder = [
      'web/tls',
      'web_tls',
      'web.tls',
      'web:tls',
      'web/tls/init.sls',
      'web/tls/init.sls',
      'web/tls',
      'web.tls',
    ]
    expect(await renderSls(named, around().surroundings)).toEqual(['web.tls', ...folder, 'dev', 'dev'])
    expect(await sls('{{ [slspath, tpldir] | json }}', around(), 'web.sls')).toEqual(['', '.'])
  })

  it('imports maps, which see their own folder and what was given', async () => {
    const map = `{% set web = salt['grains.filter_by']({'Debian': {'pkg': 'nginx'}}) %}{% do web.update({'dir': tpldir, 'sls': sls}) %}`
    const { surroundings, asked } = around(
      { 'lib/map.jinja': map },
      { 'grains.filter_by': table => (table as typeof grains & { Debian: object }).Debian },
    )
    const text = `{% from 'lib/map.jinja' import web with context %}{% import '../lib/map.jinja' as lib %}a: {{ web | json }}\nb: {{ lib.web.pkg }}`
    expect(await sls(text, { asked, surroundings })).toEqual({
      a: { pkg: 'nginx', dir: 'lib', sls: 'web' },
      b: 'nginx',
    })
    expect(asked.filter(one => (one as string[])[0] === 'lib/map.jinja')).toEqual([['lib/map.jinja', 'base']])
  })

  it('reads YAML, JSON and text of other files, after their Jinja', async () => {
    const files = {
      'a.yaml': 'id: {{ grains.id }}\nl: [1]',
      'a.json': '{"x": [1, 2]}',
      'a.txt': 'text of {{ grains.os }}',
    }
    const text = `{% import_yaml 'a.yaml' as y %}{% import_json 'a.json' as j %}{% import_text 'a.txt' as t %}
{% load_yaml as d %}
n: {{ 1 + 1 }}
{% endload %}{% load_json as e %}[{{ d.n }}]{% endload %}{% do y.l.append(2) %}
y: {{ y | json }}
x: {{ j.x[1] }}
t: {{ t }}
d: {{ d.n + e[0] }}`
    expect(await sls(text, around(files))).toEqual({ y: { id: 'web1', l: [1, 2] }, x: 2, t: 'text of Debian', d: 4 })
  })

  it('calls functions in order, each call once', async () => {
    let count = 0
    const { surroundings, asked } = around({}, { 'test.next': () => ++count, 'test.echo': value => value })
    const text = `a: {{ salt['test.next']() }}
b: {{ salt.test.next() }}
c: {{ salt['test.echo']([1], x=2) | json }}
{% for i in range(3) %}d{{ i }}: {{ salt['test.next']() }}
{% endfor %}`
    expect(await sls(text, { surroundings, asked })).toEqual({ a: 1, b: 2, c: [1], d0: 3, d1: 4, d2: 5 })
    expect(asked).toHaveLength(6)
    expect(asked[2]).toEqual(['test.echo', [1], { x: 2 }])
  })

  it('may change what a function returned, and not what it was given', async () => {
    const around1 = around({}, { 'test.dict': () => ({ a: { b: 1 } }) })
    const text =
      "{% set x = salt['test.dict']() %}{% do x.a.update({'c': 2}) %}{% do salt['test.dict']() %}{{ x | json }}"
    expect(await sls(text, around1)).toEqual({ a: { b: 1, c: 2 } })
    await expect(sls("{% do pillar.update({'x': 1}) %}")).rejects.toThrow(
      '(grains, pillar, …) cannot be changed: copy it first',
    )
    expect(pillar).toEqual({ web: { port: 80 }, users: ['ann'] })
  })

  it('asks for pillar.get and grains.get without a call', async () => {
    const asking = around()
    const text = `a: {{ salt['pillar.get']('web:port') }}
b: {{ salt.pillar.get('web:x', 'none') }}
c: {{ salt['grains.get']('roles:0', default='x') }}
d: '{{ salt['pillar.get']('nope') }}'`
    expect(await sls(text, asking)).toEqual({ a: 80, b: 'none', c: 'web', d: '' })
    expect(asking.asked).toEqual([])
  })

  it('knows which functions there are', async () => {
    const asking = around({}, { 'test.echo': value => value })
    const text =
      "{{ ['test.echo' in salt, 'x.y' in salt, 'pillar.get' in salt, salt.get('x.y') is none, salt.get('test.echo')(5)] | json }}"
    expect(await sls(text, asking)).toEqual([true, false, true, true, 5])
  })

  it.each([
    ['#!yaml\na: "{{ x }}"', { a: '{{ x }}' }],
    ['#!jinja|yaml\na: {{ 1 + 1 }}', { a: 2 }],
    ['#!jinja | yaml\na: {{ 1 + 1 }}', { a: 2 }],
    ['#!json\n{"a": "{{ x }}"}', { a: '{{ x }}' }],
    ['#!jinja|json\n{"a": {{ [1] | json }}}', { a: [1] }],
    ['#!jinja\ntext of {{ grains.id }}\n', '\ntext of web1\n'],
    ['', null],
    ['# nothing', null],
    ['{# nothing #}', null],
  ])('says by its first line how it is read: %j', async (text, expected) => {
    expect(await sls(text)).toEqual(expected)
  })

  it('refuses renderers that there are not, by name', async () => {
    await expect(sls('#!py\ndef run(): pass')).rejects.toThrow(
      "web/init.sls is written for the renderer 'py', which there is not",
    )
    await expect(sls('#!jinja|yml\n')).rejects.toThrow("Did you mean 'jinja|yaml'?")
  })

  it('gives frozen data, as others may be given the same', async () => {
    const [one, two] = await Promise.all([sls('a: {b: [1]}'), sls('a: {b: [1]}')])
    expect(one).toBe(two)
    expect(() => ((one as { a: { b: number[] } }).a.b[0] = 2)).toThrow(TypeError)
  })

  it('does not keep what a tag stood for', async () => {
    let count = 0
    const tags = [{ tag: '!next', resolve: () => ++count }]
    const source = { path: 'a.sls', text: 'a: !next x', sls: 'a', saltenv: 'base' }
    expect(await renderSls(source, around().surroundings, { tags })).toEqual({ a: 1 })
    expect(await renderSls(source, around().surroundings, { tags })).toEqual({ a: 2 })
  })
})

describe('what is wrong in an SLS file', () => {
  const problem = (text: string, files = {}) =>
    sls(text, around(files)).then(
      () => 'nothing',
      (error: ReactorError) => `${error.code}: ${error.details.problem ?? error.message}`,
    )

  it.each([
    ['a: 1\nb: {{ nope }}', "template: Jinja variable 'nope' is undefined; line 2 of web/init.sls"],
    ['{% if pillar.nope %}{% endif %}', "template: Jinja variable 'pillar.nope' is undefined; line 1 of web/init.sls"],
    [
      'a\n{% if 1 == 2 %}\n{% elif nope %}\n{% endif %}',
      "template: Jinja variable 'nope' is undefined; line 3 of web/init.sls",
    ],
    [
      '\n{% for x in pillar.nope.deep %}{% endfor %}',
      "template: Jinja variable 'pillar.nope' is undefined, in 'pillar.nope.deep'; line 2 of web/init.sls",
    ],
    [
      '\n\n{% if x %}',
      "template: Jinja syntax error: '{% if %}' is never closed by '{% endif %}' (near ' {% if x %}'); line 3 of web/init.sls",
    ],
    ['a\n{{ 1 / 0 }}', "template: Jinja error: division by zero, in '1 / 0'; line 2 of web/init.sls"],
    ["{% import 'x.jinja' as x %}", "template: Jinja error: there is no file 'x.jinja'; line 1 of web/init.sls"],
    [
      "{% import '../../x' as x %}",
      "template: Jinja error: '../../x' in web/init.sls leads out of the roots; line 1 of web/init.sls",
    ],
    [
      "a\n{{ salt['no.such']() }}",
      "template: Jinja error: there is no function salt['no.such'](), in 'salt['no.such']()'; line 2 of web/init.sls",
    ],
    ['a: 1\na: 2', "template: found conflicting ID 'a'; line 2 of web/init.sls"],
    [
      '{% block x %}{% endblock %}',
      "template: Jinja syntax error: '{% block %}' is not available (near '{% block x %}{% endblock %}'); line 1 of web/init.sls",
    ],
    [
      "{% set x %}{{ raise('not on this system') }}{% endset %}",
      "template: Jinja error: not on this system, in 'raise('not on this system')'; line 1 of web/init.sls",
    ],
  ])('%j: %s', async (text, expected) => {
    expect(await problem(text)).toBe(expected)
  })

  it('tells how a function failed, with the code of that', async () => {
    const asking = around(
      {},
      {
        'test.fail': () => {
          throw new ReactorError('unreachable', 'the server is away')
        },
      },
    )
    await expect(sls("\na: {{ salt['test.fail']() }}", asking)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining("salt['test.fail'] failed: the server is away"),
      details: { line: 2 },
    })
  })

  it('names an argument that a macro was not given, and a name that a file does not have', async () => {
    expect(await problem('{% macro f(a) %}{{ a }}{% endmacro %}{{ f() }}')).toContain(
      "'a of f()' is undefined, in 'a'; line 1",
    )
    const files = { 'lib.jinja': '' }
    expect(await problem("{% from 'lib.jinja' import x %}{{ x }}", files)).toContain("'x of lib.jinja' is undefined")
  })

  it('names the file and line further in', async () => {
    const files = { 'lib.jinja': '\n{% macro m(x) %}\n{{ x.y }}\n{% endmacro %}' }
    expect(await problem("{% from 'lib.jinja' import m %}{{ m({}) }}", files)).toBe(
      "template: Jinja variable 'x.y' is undefined; line 3 of lib.jinja",
    )
    expect(await problem("{% import_yaml 'd.yaml' as d %}", { 'd.yaml': 'a: 1\nb: [' })).toMatch(/line 2 of d\.yaml$/)
  })

  it('shows the lines around it, that one marked', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `l${i + 1}: {{ ${i === 9 ? 'nope' : 1} }}`)
    const shown = [...lines.slice(4, 9), `${lines[9]}    <======================`, ...lines.slice(10, 15)]
    await expect(sls(lines.join('\n'))).rejects.toThrow(`\n\n---\n[...]\n${shown.join('\n')}\n[...]\n---`)
  })

  it.each([
    '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
    '{% for i in range(4000) %}{% for j in range(4000) %}x{% endfor %}{% endfor %}',
    "{{ 'x' * 1000000000 }}",
    "{% include 'self' %}",
    "{% for i in range(100000) %}{{ salt['test.echo'](i) }}{% endfor %}",
  ])('%j comes to an end', async text => {
    const asking = around({ self: "{% include 'self' %}" })
    asking.surroundings.call = () => 1
    await expect(sls(text, asking)).rejects.toMatchObject({ code: 'template' })
  })
})

describe('a template of a file', () => {
  it('keeps its last newline, and sees names that are given with it', async () => {
    const { surroundings } = around()
    const options = { source: 'salt://web/conf.j2', saltenv: 'base', names: { port: 8080, pillar: { x: 1 } } }
    expect(await renderText('p {{ port }} {{ tpldir }} {{ pillar.x }}\n', options, surroundings)).toBe('p 8080 web 1\n')
    expect(await renderText('{{ grains.id }}', options, surroundings)).toBe('web1')
    expect(await renderText('{{ 1 }}\r\n2\r\n', options, surroundings)).toBe('1\r\n2\r\n')
    expect(await renderText('no template\n\n', options, surroundings)).toBe('no template\n\n')
    await expect(renderText('\n{{ nope }}', options, surroundings)).rejects.toThrow(
      "'nope' is undefined; line 2 of web/conf.j2",
    )
  })

  it('never throws anything but errors of ours, nor goes on for ever', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...'{{ }} {% %} {%- -%} | ( ) [ ] , . = : * ** + - ~ if else for in is not and or set macro call import from include as with context load_yaml endload endmacro endcall endfor endif loop caller varargs kwargs x y pillar grains salt range namespace'.split(
          ' ',
        ),
      ),
      fc.constantFrom(
        "'a'",
        '1',
        "salt['x.y'](1)",
        '{% macro x(a) %}',
        '{% endmacro %}',
        "{% import 'a' as x %}",
        "{% include 'a' %}",
        '{% for x in y recursive %}',
        '{{ loop(x) }}',
        '|yaml',
        "|regex_replace('x*','y')",
        '\n',
      ),
      fc.string({ maxLength: 5 }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), fc.array(piece, { maxLength: 8 }), async (parts, other) => {
        const asking = around({ a: other.join(' ') }, { 'x.y': value => value })
        try {
          await sls(parts.join(' '), asking)
        } catch (error) {
          expect(error).toBeInstanceOf(ReactorError)
          expect(error).not.toMatchObject({ code: 'internal' })
        }
      }),
      { numRuns: 1_500 },
    )
  })
})
