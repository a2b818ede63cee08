import { describe, expect, it } from 'vitest'
import { compileTemplate } from '../../src/jinja/compile.ts'
import { renderDocument } from '../../src/jinja/document.ts'
import { createBudget } from '../../src/jinja/values.ts'
import recorded from './document-cases.json' with { type: 'json' }

const files: Readonly<Record<string, string>> = recorded.files
const render = (text: string, names: Record<string, unknown> = recorded.names) =>
  renderDocument({ path: 'web/init.sls', text }, names, createBudget({ steps: 1_000_000, characters: 10_000_000 }), {
    load: path => files[path],
    namesOf: () => ({}),
  })

describe('whole documents', () => {
  it.each(recorded.texts as [string, string][])('%j give what Jinja2 gives', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  it.each(recorded.errors)('%j is refused, as by Jinja2', text => {
    expect(() => render(text)).toThrow(
      expect.objectContaining({ code: 'template', details: expect.objectContaining({ line: expect.any(Number) }) }),
    )
  })
})

describe('templates of rules', () => {
  it.each([
    '{% macro f() %}{% endmacro %}',
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% include 'x' %}",
    "{% import_yaml 'x' as y %}",
    '{% load_yaml as x %}{% endload %}',
    '{% call f() %}{% endcall %}',
    '{% for x in y recursive %}{% endfor %}',
    '{{ dict(*[1]) }}',
    '{{ dict(**{}) }}',
    "{{ 'x' | yaml }}",
    "{{ 'x' | load_yaml }}",
    "{{ 'x' is match('x') }}",
    "{{ ['x'] | map('md5') | list }}",
    "{{ raise('x') }}",
    '{{ {1: 2} }}',
    '{{ joiner() }}',
  ])('still refuse %j', text => {
    expect(() => compileTemplate(text).render({})).toThrow(expect.objectContaining({ code: 'template' }))
  })

  it('still take what is not there as nothing in conditions', () => {
    expect(compileTemplate("{% if data.nope or 'x' in data.nope %}a{% else %}b{% endif %}").render({ data: {} })).toBe(
      'b',
    )
  })
})
