import { describe, expect, it } from 'vitest'
import { type Format, loadFormat } from '../../../src/cli/out/format.ts'

const show = async (format: Format, value: unknown) => (await loadFormat(format))(value, { colour: false }).join('\n')

describe('the formats of --out', () => {
  it('json is indented as Salt indents it, and steers no terminal', async () => {
    expect(await show('json', { minion1: true })).toBe('{\n    "minion1": true\n}')
    expect(await show('json', { web1: [], web2: {} })).toBe('{\n    "web1": [],\n    "web2": {}\n}')
    expect(await show('json', 'a\u009bb')).toBe('"a\\u009bb"')
  })

  it('yaml has lists as PyYAML writes them, and quotes what YAML 1.1 would misread', async () => {
    expect(await show('yaml', { web1: { list: ['a', 1], no: 'no', text: 'a: b' } })).toBe(
      'web1:\n  list:\n  - a\n  - 1\n  "no": "no"\n  text: "a: b"',
    )
    const shared = { a: 1 }
    expect(await show('yaml', [shared, shared])).toBe('- a: 1\n- a: 1')
  })

  it('txt has the id before every line', async () => {
    expect(await show('txt', { web1: 'a\nb\n', web2: { n: null } })).toBe("web1: a\nweb1: b\nweb2: {'n': None}")
    expect(await show('txt', 'a\nb')).toBe('a\nb')
  })

  it('raw is what Python prints', async () => {
    expect(await show('raw', { web1: [true, null, 1.5, 2, "it's"] })).toBe(`{'web1': [True, None, 1.5, 2, "it's"]}`)
  })

  it('take a value of a hundred thousand parts', async () => {
    const long = Array.from({ length: 100_001 }, () => 1)
    expect((await show('raw', long)).length).toBe(300_003)
  })
})
