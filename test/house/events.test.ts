import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Shape } from '../../src/functions/define.ts'
import { argumentDocs } from '../../src/functions/doc.ts'
import { isBelieved } from '../../src/protocol/belief.ts'
import { CATALOGUE } from '../../src/protocol/catalogue/all.ts'
import { problemOf } from '../../src/protocol/catalogue/define.ts'
import { minionOrigin, SERVICES, serviceOrigin } from '../../src/protocol/origin.ts'
import { nonconformity } from '../helpers/conformance.ts'

const SRC = resolve(import.meta.dirname, '../../src')
const FOLDER = 'protocol/catalogue'

/** Files that write tags of the program as text, beside the catalogue, and why. */
const WRITTEN: Readonly<Record<string, string>> = {
  'protocol/belief.ts': 'what the audit record is, and what of salt/ a minion may say, is its own topic',
  'protocol/grant-subject.ts': 'an example in a message',
  'reactor/rules/glob.ts': 'an example in a message',
  'reactor/windows/absent.ts': 'the silence of a minion that never spoke: facts of a rule, no event',
  'functions/guards.ts': 'what lies below salt/ as a whole',
}
/** Help shows globs. */
const isHelp = (file: string) => file.startsWith('cli/commands/')

const example = (pattern: string, id: string) =>
  pattern.replaceAll(/<([^>]+)>/g, (_, name: string) => (name === 'id' ? id : name.endsWith('…') ? 'a/b' : 'a'))

describe('the events of the program', () => {
  it('are declared in the catalogue: no tag below salt/ is written elsewhere', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
      file => file.endsWith('.ts') && !file.startsWith(FOLDER) && !isHelp(file) && !Object.hasOwn(WRITTEN, file),
    )
    const written = files.flatMap(file => {
      const code = readFileSync(join(SRC, file), 'utf8').replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')
      // To look for what begins so is not to fire it.
      const tags = [...code.matchAll(/(startsWith\()?['"`](\/?salt\/[^'"`]*)['"`]/g)]
      return tags.filter(([, looking]) => !looking).map(([, , tag]) => `${file}: ${tag}`)
    })
    expect(written).toEqual([])
  })

  it('are all in the one list', async () => {
    const files = readdirSync(join(SRC, FOLDER)).filter(file => !['all.ts', 'define.ts', 'fields.ts'].includes(file))
    const list = readFileSync(join(SRC, FOLDER, 'all.ts'), 'utf8')
    expect(files.filter(file => !list.includes(`'./${file}'`))).toEqual([])
    expect(CATALOGUE.length).toBeGreaterThan(files.length)
  })

  it('say what they are, and what each field is', () => {
    const silent = CATALOGUE.flatMap(({ pattern, doc, data }) => [
      ...(doc === '' ? [pattern] : []),
      ...argumentDocs(data.shape as Shape).flatMap(({ name, doc: told }) => (told ? [] : [`${pattern}: ${name}`])),
    ])
    expect(silent).toEqual([])
  })

  it('have examples that are as they are declared', () => {
    const wrong = CATALOGUE.flatMap(kind => {
      if (!kind.example) return []
      const [tag, data] = kind.example
      const problem = kind.matches(tag) ? problemOf(kind, data) : `${tag} is no ${kind.pattern}`
      return problem === undefined ? [] : [problem]
    })
    expect(wrong).toEqual([])
  })

  const stored = CATALOGUE.filter(({ pattern, local }) => pattern.startsWith('salt/') && !local)

  it.each(stored.map(kind => [kind.pattern, kind] as const))(
    '%s is believed of those who send it',
    (pattern, { by }) => {
      const tag = example(pattern, 'web1')
      expect(isBelieved(minionOrigin('web1'), tag)).toBe(by.includes('minion'))
      // Of itself alone.
      expect(isBelieved(minionOrigin('web2'), tag)).toBe(false)
      for (const service of SERVICES) expect(isBelieved(serviceOrigin(service), tag)).toBe(true)
    },
  )
})

describe('an event that a test sees', () => {
  const data = { id: 'web1', act: 'accept', result: true }
  const master = serviceOrigin('_master')

  it('is held to its declaration: tag, sender and fields', () => {
    expect(nonconformity({ tag: 'salt/key', data, origin: master, believed: true })).toBeUndefined()
    const problem = (given: Partial<Parameters<typeof nonconformity>[0]>) =>
      nonconformity({ tag: 'salt/key', data, origin: master, believed: true, ...given })
    expect(problem({ tag: 'salt/keys' })).toBe('no such event is declared')
    expect(problem({ origin: serviceOrigin('_cache') })).toBe('salt/key is not declared as sent by _cache')
    expect(problem({ data: { ...data, colour: 'red' } })).toContain('colour')
    expect(problem({ data: { ...data, act: 'dance' } })).toContain('act')
  })

  it('is left alone where it is an own one, or was forged or fired by hand', () => {
    const odd = { tag: 'salt/keys', data: {}, origin: master, believed: true }
    expect(nonconformity({ ...odd, tag: 'my/app' })).toBeUndefined()
    expect(nonconformity({ ...odd, origin: minionOrigin('web1'), believed: false })).toBeUndefined()
    expect(nonconformity({ ...odd, origin: { kind: 'user', id: 'ann' } })).toBeUndefined()
  })
})
