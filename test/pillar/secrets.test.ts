import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { pillarOf } from './pillar-roots.ts'

const TOP = "base: {'*': [main]}"
const SECRET = 'correct horse battery'

async function withSecret(main: string, more: Record<string, string> = {}) {
  return pillarOf(
    { 'base/top.sls': TOP, 'base/main.sls': main, ...more },
    { env: { DB_PASSWORD: SECRET, SHORT: 'abc' } },
  )
}

describe('a secret of pillar', () => {
  it('is for the minion alone: until then nobody has it', async () => {
    const pillar = await withSecret('db: {user: app, password: !env DB_PASSWORD}\n')
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(JSON.stringify(value)).not.toContain(SECRET)
    expect(pillar.secrets.hide(value)).toEqual({ db: { user: 'app', password: '[redacted]' } })
    expect(pillar.secrets.reveal(value)).toEqual({
      value: { db: { user: 'app', password: SECRET } },
      secrets: [SECRET],
    })
  })

  it('may be in a file, of which the last end of line is none of it', async () => {
    const file = join(await testFolder(), 'key.pem')
    await writeFile(file, 'line one\nline two\n')
    const pillar = await withSecret(`key: !file ${file}\n`)
    const { value } = await pillar.compile()
    expect(pillar.secrets.reveal(value).value).toEqual({ key: 'line one\nline two' })
  })

  it('may be imported and filled into a longer text', async () => {
    const pillar = await withSecret(
      "{% import_yaml 'secrets.yaml' as secrets %}\nurl: https://app:{{ secrets.password }}@db/\n",
      { 'base/secrets.yaml': 'password: !env DB_PASSWORD\n' },
    )
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([])
    expect(pillar.secrets.hide(value)).toEqual({ url: 'https://app:[redacted]@db/' })
    expect(pillar.secrets.reveal(value).value).toEqual({ url: `https://app:${SECRET}@db/` })
  })

  it.each<[string, string, RegExp]>([
    ['of a variable that is not set', 'b: !env GONE\n', /the environment variable GONE is not set/],
    ['that is too short to be hidden', 'b: !env SHORT\n', /!env SHORT: the secret has fewer than 4 characters/],
    ['of a file that is not there', 'b: !file /nowhere/at/all\n', /cannot read the file \/nowhere\/at\/all/],
    ['of a relative path', 'b: !file key.pem\n', /!file takes the absolute path of a file, got 'key.pem'/],
    ['without a name', 'b: !env\n', /!env takes the name of an environment variable/],
  ])('%s is an error that names it, and its SLS is left out', async (_what, main, error) => {
    const pillar = await withSecret(main, { 'base/top.sls': "base: {'*': [main, other]}", 'base/other.sls': 'a: 1\n' })
    const { value, errors } = await pillar.compile()
    expect(errors).toEqual([expect.stringMatching(error)])
    expect(value).toEqual({ a: 1 })
    expect(errors.join()).not.toContain('abc')
  })

  it('cannot be written by who does not know its mark', async () => {
    const pillar = await withSecret('a: !env DB_PASSWORD\nos: {{ grains.os }}\n')
    const { value } = await pillar.compile({ grains: { os: 'secret0000n0e' } })
    expect(pillar.secrets.reveal(value).value).toEqual({ a: SECRET, os: 'secret0000n0e' })
  })
})
