import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import { checkRules } from '../../src/reactor/check.ts'
import { compileRule } from '../../src/reactor/rules/compile.ts'
import { loadRuleText } from '../../src/reactor/rules/load.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGES = ['README.md', 'CHANGELOG.md', ...readdirSync(join(ROOT, 'docs')).map(name => `docs/${name}`)]
/** Files whose help shows calls. */
const helpTexts = () =>
  ['src/cli', 'src/modules', 'src/runners', 'src/wheels'].flatMap(dir =>
    readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts'))
      .map(file => join(dir, file)),
  )
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8')

describe('the docs', () => {
  it('keep the README under 150 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThan(150)
  })

  it.each(PAGES)('%s links to pages that exist', page => {
    // In code, `salt['x.y']('z')` is none.
    const prose = read(page).replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '')
    const links = [...prose.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(match => match[1]!)
    expect(links.filter(link => !existsSync(join(ROOT, dirname(page), link)))).toEqual([])
  })

  it('are linked from the README', () => {
    const unlinked = PAGES.filter(page => page.startsWith('docs/') && !read('README.md').includes(page))
    expect(unlinked).toEqual([])
  })

  it('have every command in the table of the README, and no other', () => {
    const rows = [...read('README.md').matchAll(/^\| (`reactor .*?) \| /gm)].map(match => match[1]!)
    const named = rows.flatMap(row => [...row.matchAll(/`(?:reactor )?([a-z]+)/g)].map(match => match[1]!))
    expect(named.sort()).toEqual([...COMMANDS.keys()].sort())
  })

  it('have every command in a heading of the page of the commands', () => {
    const headed = [...read('docs/cli.md').matchAll(/^## (.*)$/gm)].flatMap(match => match[1]!.split(', '))
    expect([...COMMANDS.keys()].filter(name => !headed.includes(name))).toEqual([])
  })

  it.each(PAGES)('%s shows rules that load', page => {
    const blocks = [...read(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1]!)
    for (const text of blocks.filter(block => /^rule:/m.test(block))) {
      const { rules, problems } = loadRuleText('example.yaml', text)
      expect(problems).toEqual([])
      for (const rule of rules) compileRule(rule)
    }
  })

  it('show calls of functions that there are', async () => {
    const known = {
      call: new Set((await loadFunctions('execution')).names()),
      local: new Set((await loadFunctions('execution')).names()),
      run: new Set((await loadFunctions('runner')).names()),
      wheel: new Set((await loadFunctions('wheel')).names()),
    }
    const texts = [...PAGES.filter(page => page !== 'CHANGELOG.md'), ...helpTexts()].map(read)
    // The first word of the form module.function after the command, whatever options stand before it.
    const called = texts
      .flatMap(text => [...text.matchAll(/\breactor (call|local|run|wheel) ([^\n`]*)/g)])
      .map(match => ({
        command: match[1] as keyof typeof known,
        fun: /(?:^| )([a-z_]+\.[a-z_]+)(?=$|[\s"',);])/.exec(match[2]!)?.[1],
      }))
      .filter(({ fun }) => fun !== undefined)
    expect(called.length).toBeGreaterThan(80)
    expect(called.filter(({ command, fun }) => !known[command].has(fun!))).toEqual([])
  })

  it('hold what is generated from the code', () => {
    expect(execFileSync(process.execPath, [join(ROOT, 'deploy/generate.mjs'), '--check'], { encoding: 'utf8' })).toBe(
      '',
    )
  })

  it('ship rules that load', async () => {
    const { rules, problems } = await checkRules(join(ROOT, 'reactors'))
    expect(problems).toEqual([])
    expect(rules).toHaveLength(6)
  })
})
