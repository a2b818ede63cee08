// What loading a rule does once must not be done for each event.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { deliver, start, subjects, turn } from './dispatching.ts'

const counts = vi.hoisted(() => ({ yaml: 0, template: 0, tag: 0, regex: 0 }))
const counted = vi.hoisted(
  () =>
    <F extends (...args: never[]) => unknown>(name: keyof typeof counts, call: F) =>
    (...args: Parameters<F>) => {
      counts[name] += 1
      return call(...args)
    },
)

vi.mock('yaml', async original => {
  const real = await original<typeof import('yaml')>()
  class Parser extends real.Parser {
    override parse(...args: Parameters<InstanceType<typeof real.Parser>['parse']>) {
      counts.yaml += 1
      return super.parse(...args)
    }
  }
  return { ...real, Parser }
})
vi.mock('../../src/jinja/parse.ts', async original => {
  const real = await original<typeof import('../../src/jinja/parse.ts')>()
  return { ...real, parseTemplate: counted('template', real.parseTemplate) }
})
vi.mock('../../src/protocol/tag.ts', async original => {
  const real = await original<typeof import('../../src/protocol/tag.ts')>()
  return { ...real, tokensToTag: counted('tag', real.tokensToTag) }
})

/** Counts what is made of `RegExp` at run time; literals of the source are made once. */
function countRegexes(): void {
  const real = globalThis.RegExp
  globalThis.RegExp = new Proxy(real, {
    construct(target, args, made) {
      counts.regex += 1
      return Reflect.construct(target, args, made)
    },
    apply(target, self, args) {
      counts.regex += 1
      return Reflect.apply(target, self, args)
    },
  })
  onTestFinished(() => {
    globalThis.RegExp = real
  })
}

/** Methods and filters that look for something in a text. */
const TEXTS = `{{ [
  data.text.strip('b'), data.text.strip(), data.text.lstrip('a'), data.text.split(), data.text.split('a'), data.text.rsplit(None, 1),
  data.text.splitlines(), data.text.title(), data.text.swapcase(), data.text.isalpha(), data.text.isspace(), data.text.zfill(5),
  data.text.replace('a', 'b'), data.text | trim, data.text | trim('b'), data.text | replace('a', 'b'), data.text | title,
  data.text | wordcount, data.text | escape, data.text | indent, data.text | truncate(2), data.text | int, data.text | tojson,
  data.text | yaml_dquote, '%s' | format(data.text), '{0}'.format(data.text), data.text.center(9),
] }}`

const RULES = `rule: wants
on: ["my/*", "{a,b}/[xy]*/**", "!my/not*"]
when: { all: [{ fact: data, path: $.text, operator: equal, value: aaa }] }
do:
  - runner.test.arg: ["{{ data.text | upper }} {{ tag }}", ${JSON.stringify(TEXTS)}]
`

describe('an event', () => {
  it('has no YAML, template or regex read for it, and no tag built where no rule wants it', async () => {
    countRegexes()
    const { dispatcher, sent } = start(RULES)
    expect(counts.yaml, 'YAML at load').toBeGreaterThan(0)
    expect(counts.template, 'templates at load').toBeGreaterThan(0)
    expect(RegExp(subjects.ns).test('reactor')).toBe(true)
    expect(counts.regex, 'the counter itself').toBeGreaterThan(0)

    const atLoad = { ...counts }
    for (let n = 0; n < 50; n++) dispatcher.handle(deliver({ tag: `other/tag/${n}` }).delivery)
    expect(counts).toEqual(atLoad)

    for (let n = 0; n < 50; n++) dispatcher.handle(deliver({ data: { text: n % 2 ? 'aaa' : 'b' } }).delivery)
    await turn()
    expect(sent.items.flatMap(({ body }) => body.reactions)).toHaveLength(25)
    // The tag of an event that is read is built once.
    expect(counts).toEqual({ ...atLoad, tag: atLoad.tag + 50 })
  })
})
