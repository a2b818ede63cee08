import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRules } from '../../src/reactor/check.ts'
import { loadKnown, openKnown } from '../../src/reactor/known.ts'
import { formatProblem } from '../../src/reactor/rules/problem.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

const GOOD = 'rule: good\non: my/*\ndo: runner.test.arg\n'

describe('checking rules', () => {
  it('finds the rules of a folder, and no problem', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'good.yaml'), GOOD)
    expect(await checkRules(folder)).toMatchObject({
      files: [join(folder, 'good.yaml')],
      rules: [{ rule: 'good', source: { file: join(folder, 'good.yaml'), line: 1 } }],
      problems: [],
    })
  })

  it('checks one file', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'good.yaml'), GOOD)
    await writeFile(join(folder, 'bad.yaml'), 'on: 1')
    expect(await checkRules(join(folder, 'good.yaml'))).toMatchObject({ rules: [{ rule: 'good' }], problems: [] })
  })

  it('says each problem as file:line:column: message', async () => {
    const folder = await testFolder()
    const file = join(folder, 'bad.yaml')
    await writeFile(file, `${GOOD}---\nrule: bad\non: my/*\nwhenn: {}\ndo: runner.test.arg\n`)
    const { problems, rules } = await checkRules(folder)
    expect(problems.map(formatProblem)).toEqual([`${file}:7:1: unknown key 'whenn'. Did you mean 'when'?`])
    expect(rules.map(({ rule }) => rule)).toEqual(['good'])
  })

  it.each([
    ['an operator that is not there', 'when: { all: [{ fact: data, operator: younger, value: 1 }] }', '1', /younger/],
    ['a template that does not parse', 'description: x', '"{{ data. }}"', /data\. /],
    ['a duration that is none', 'throttle: { once_within: soon }', '1', /'once_within': 'soon' is not a duration/],
  ])('finds %s', async (_what, line, arg, message) => {
    const folder = await testFolder()
    await writeFile(join(folder, 'r.yaml'), `rule: r\non: my/*\n${line}\ndo:\n  - runner.test.arg: [${arg}]\n`)
    const { problems } = await checkRules(folder)
    expect(problems).toHaveLength(1)
    expect(formatProblem(problems[0]!)).toMatch(/r\.yaml:\d+:\d+: /)
    expect(problems[0]!.message).toMatch(message)
  })

  it('refuses a path that is not there', async () => {
    await expect(checkRules('/nowhere/rules')).rejects.toMatchObject({
      code: 'bad_rule',
      message: expect.stringContaining('/nowhere/rules'),
    })
  })
})
describe("facts of one's own", () => {
  const RULE = `
rule: racks
on: my/*
when: { all: [{ fact: rack, path: $.row, operator: equal, value: 3 }] }
do:
  - local.cmd.run: { tgt: "{{ rack.host }}*", args: ["restart {{ rack.name }}"] }
on_failure: [runner.test.argg]
`
  it('are known from the module folders, and count as untrusted', async () => {
    const [dir, folder] = [await testFolder(), await testFolder()]
    await mkdir(join(dir, 'facts'))
    await writeFile(
      join(dir, 'facts/rack.js'),
      "import { fact } from 'reactor'\nexport default fact({ doc: 'x', run: () => ({ row: 3 }) })",
    )
    await writeFile(join(folder, 'r.yaml'), RULE)
    const { problems, warnings } = await checkRules(folder, await loadKnown([dir]))
    expect(problems.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      "7:14 there is no function 'runner.test.argg' here. Did you mean 'runner.test.arg'?",
    ])
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining("no minion's id"),
      expect.stringContaining('give the command as a list'),
    ])
  })

  it('are unknown without them', async () => {
    const folder = await testFolder()
    await writeFile(join(folder, 'r.yaml'), RULE)
    const { problems } = await checkRules(folder, await loadKnown([]))
    expect(problems[0]).toMatchObject({ line: 4, message: expect.stringContaining('unknown fact "rack"') })
  })

  it('that do not load are an error, and not only a check that is left out', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'facts'))
    await writeFile(join(dir, 'facts/rack.js'), 'export default 1')
    const { log } = keptLog()
    await expect(loadKnown([dir])).rejects.toMatchObject({ code: 'bad_module' })
    await expect(openKnown([dir], log)).rejects.toMatchObject({ code: 'bad_module' })
  })

  it('are known where a module does not load, and functions are not checked', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'modules'))
    await mkdir(join(dir, 'facts'))
    await writeFile(join(dir, 'modules/bad.js'), 'export const x = 1')
    await writeFile(
      join(dir, 'facts/rack.js'),
      "import { fact } from 'reactor'\nexport default fact({ doc: 'x', run: () => 1 })",
    )
    const { log, lines } = keptLog()
    expect(await openKnown([dir], log)).toEqual({ facts: new Set(['rack']) })
    expect(lines.items).toMatchObject([{ msg: 'rules are not checked against the functions they call' }])
  })
})
