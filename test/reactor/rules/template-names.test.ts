import { describe, expect, it } from 'vitest'
import { compileTemplate } from '../../../src/jinja/compile.ts'
import { unknownNames } from '../../../src/reactor/rules/template-names.ts'

const NAMES = { tag: 't', data: { id: 'x', list: [1, 2] }, origin: 'o', stamp: 's', minion: {} }

describe('a name that nothing defines', () => {
  it.each([
    ['{{ dta }}', "'dta' is unknown here. Did you mean 'data'?"],
    ['{{ dta.id }}', "'dta' is unknown here. Did you mean 'data'?"],
    ["{{ dta['id'] }}", "'dta' is unknown here."],
    ["{{ dta.id | default('x') }}", "'dta' is unknown here."],
    ['{{ dta | upper }}', "'dta' is unknown here."],
    ['a {{ x }} b', "'x' is unknown here. The names are tag, data, origin, stamp, minion"],
    ['{{ 1 + x }}', "'x' is unknown here."],
    ['{{ data.list[x] }}', "'x' is unknown here."],
    ['{{ rang(3) }}', "'rang' is unknown here."],
    ['{% for i in data.list %}{{ j }}{% endfor %}', "'j' is unknown here."],
    ['{% if data %}{{ x }}{% endif %}', "'x' is unknown here."],
  ])('is found in %s, which does not render', (source, message) => {
    expect(unknownNames(source)).toEqual([expect.stringContaining(message)])
    expect(() => compileTemplate(source).render(NAMES)).toThrow()
  })

  it.each([
    "{{ x | default('none') }}",
    "{{ x if x is defined else 'none' }}",
    '{% if x is defined %}{{ x.y }}{% endif %}',
    '{% if x %}{{ x.y }}{% endif %}',
    '{{ not x }}',
    "{{ (x and x.y) or 'no' }}",
    '{% set x = 1 %}{{ x }}',
    '{% set x %}text{% endset %}{{ x }}',
    '{% for a, b in [[1, 2]] %}{{ a }}{{ b }}{{ loop.index }}{% endfor %}',
    '{% with x = 1 %}{{ x }}{% endwith %}',
    '{% set n = namespace(i=0) %}{% for v in data.list %}{% set n.i = v %}{% endfor %}{{ n.i }}',
    '{{ range(3) | list }}{{ dict(a=1) }}',
    '{{ tag }}{{ data.id }}{{ origin }}{{ stamp }}{{ minion }}',
    'no template at all',
  ])('is none in %s, which renders', source => {
    expect(unknownNames(source)).toEqual([])
    expect(() => compileTemplate(source).render(NAMES)).not.toThrow()
  })
})
