import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTemplate } from '../../../src/jinja/compile.ts'

/** The same template with something around it that has to be run. */
const run = (source: string, names: Record<string, unknown>) =>
  compileTemplate(`{% if true %}${source}{% endif %}`).render(names)
const outcome = (render: () => unknown) => {
  try {
    return { value: render() }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

const anyValue = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue(),
  fc.constant(undefined),
)

describe('a template of text and paths', () => {
  it.each([
    'a-{{ x }}',
    '{{ x }}{{ data.y }}',
    '{{ data.y.z }} and {{ x }}',
    '{{ data.items }}!',
    '{{ data.constructor }}!',
    '{{ x.upper }}!',
  ])('gives %s as one that is run does, whatever the values are', source => {
    fc.assert(
      fc.property(anyValue, anyValue, (x, y) => {
        const names = { x, data: { y, ...(y === null ? { items: 'i' } : {}) } }
        expect(outcome(() => compileTemplate(source).render(names))).toEqual(outcome(() => run(source, names)))
      }),
    )
  })

  it('gives the value itself where it is one path alone', () => {
    fc.assert(
      fc.property(anyValue, value => {
        const plain = outcome(() => compileTemplate('{{ data.v }}').render({ data: { v: value } }))
        const made = outcome(() => compileTemplate('{{ data.v if true else 0 }}').render({ data: { v: value } }))
        if ('error' in plain) expect(made).toHaveProperty('error')
        else expect(plain).toEqual(made)
      }),
    )
  })

  it('keeps to the bound on what a template makes', () => {
    const source = '{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}'
    expect(() => compileTemplate(source).render({ a: 'x'.repeat(1_000_000) })).toThrow('more than 4000000 characters')
  })
})
