import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRules } from '../../src/reactor/check.ts'
import { formatProblem } from '../../src/reactor/rules/problem.ts'
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
    ['a key of a later version', 'throttle: 5m', '1', /'throttle' is not available in this version/],
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
