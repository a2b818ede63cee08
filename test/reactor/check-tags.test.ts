import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRules } from '../../src/reactor/check.ts'
import { testFolder } from '../helpers/folder.ts'

const warned = async (text: string) => {
  const folder = await testFolder()
  await writeFile(join(folder, 'r.yaml'), text)
  const { problems, warnings } = await checkRules(folder)
  expect(problems).toEqual([])
  return warnings
}
const warningsOf = async (...on: string[]) =>
  (await warned(`rule: r\non: ${JSON.stringify(on)}\ndo: runner.test.arg\n`)).map(({ message }) => message)

describe('a rule that waits for a tag below salt/', () => {
  it.each([
    'salt/job/*/ret/*',
    'salt/job/*/ret/web*',
    'salt/{auth,key}',
    'salt/minion/web1/start',
    'salt/minion/*/{start,begun}',
    'salt/beacon/*/service/**',
    'salt/beacon/*/load/',
    'salt/netapi/hook/ci/build',
    'salt/state_result/*/*/a/b/c',
    'salt/alarm/**',
    'salt/*/*/new',
    'salt/**',
    '**',
    '*/job/*/now',
    'salt/@(job|no)/*/new',
    'salt/@(job/1|no)/later',
  ])('%s is not warned of: there is one', async glob => {
    expect(await warningsOf(glob)).toEqual([])
  })

  it.each(['my/app/*', 'saltstack/x', '/salt/minion/none', 'deploy/**'])(
    'is not warned of %s, which is its own',
    async glob => {
      expect(await warningsOf(glob)).toEqual([])
    },
  )

  it.each([
    ['salt/job/*/return/*', " Did you mean 'salt/job/*/ret/*'?"],
    ['salt/minion/*/started', " Did you mean 'salt/minion/*/start'?"],
    ['salt/jobs/**', ''],
    ['salt/auth/*', " Did you mean 'salt/auth'?"],
    ['salt/job/*/ret', " Did you mean 'salt/job/*/new'?"],
    ['salt/job/*/{later,soon}', ''],
    ['salt', ''],
  ])('is warned of %s, which nothing has', async (glob, hint) => {
    expect(await warningsOf('my/*', glob)).toEqual([
      expect.stringContaining(`no event of the program has a tag that '${glob}' matches.${hint}`),
    ])
  })

  it('is warned of what should end the wait of absent, too', async () => {
    const text = 'rule: r\non: salt/auth\nabsent: { for: 5m, until: salt/minion/*/up }\ndo: runner.test.arg\n'
    expect(await warned(text)).toMatchObject([{ line: 1, message: expect.stringContaining("'salt/minion/*/up'") }])
  })
})
