import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { redact, resolveProfiles } from '../../src/alerts/profiles.ts'
import { TEST_CERT } from './certificate.ts'

async function folderWith(files: Record<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-profiles-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  return dir
}

const mail = { host: 'mail.example.com', username: 'reactor', from: 'Reactor <reactor@example.com>' }

describe('loading profiles', () => {
  it('reads secrets from the environment, from files, or as they stand', async () => {
    const dir = await folderWith({ token: 'from a file\n', 'ca.pem': TEST_CERT })
    const { smtp, http } = resolveProfiles(
      {
        smtp: { 'ops-mail': { ...mail, password: { env: 'MAIL_PASSWORD' }, ca: 'ca.pem' } },
        http: {
          hook: {
            url: { env: 'HOOK_URL' },
            bearer: { file: 'token' },
            headers: { 'X-Key': { env: 'KEY' }, 'X-B': 'b' },
          },
        },
      },
      { dir, env: { MAIL_PASSWORD: 'from the environment', HOOK_URL: 'https://hooks.example.com/T1', KEY: 'k' } },
    )
    expect(smtp['ops-mail']).toEqual({ ...mail, password: 'from the environment', ca: TEST_CERT })
    expect(http.hook).toEqual({
      url: 'https://hooks.example.com/T1',
      bearer: 'from a file',
      headers: { 'X-Key': 'k', 'X-B': 'b' },
    })
  })

  it.each([
    ['an unset variable', { ...mail, password: { env: 'NOPE' } }, 'password: the environment variable NOPE is not set'],
    ['an empty variable', { ...mail, password: { env: 'EMPTY' } }, 'password: the environment variable EMPTY is empty'],
    [
      'a missing file',
      { ...mail, password: { file: '/nonexistent/pw' } },
      'password: cannot read the file /nonexistent/pw: ENOENT',
    ],
    ['a folder', { ...mail, password: { file: '/' } }, 'cannot read the file /: it is not a regular file'],
    ['an authority that is none', { ca: '/dev/null' }, 'ca: cannot read the file /dev/null'],
    ['an unknown key', { hosts: 'x' }, 'Unrecognized key: "hosts". Did you mean \'host\'?'],
    ['a bad port', { host: 'x', port: 0 }, 'port: '],
    ['a bad address', { from: 'nobody' }, 'from: expected mail addresses such as ops@example.com'],
    ['a bad time limit', { timeout: 'soon' }, 'timeout: expected a time limit'],
    ['a name without password', { host: 'x', username: 'a' }, "needs 'username' and 'password' together"],
    ['a password without host', { username: 'a', password: 'b' }, "needs 'host'"],
  ])('refuses %s, by profile and key', (_what, profile, message) => {
    const resolve = () => resolveProfiles({ smtp: { 'ops-mail': profile } }, { env: { EMPTY: '' } })
    expect(resolve).toThrow(`smtp profile 'ops-mail': `)
    expect(resolve).toThrow(message)
  })

  it.each([
    ['neither url nor hosts', { bearer: 'x' }, "needs 'url' or 'allow_hosts'"],
    ['two logins', { url: 'https://x', bearer: 'x', username: 'a', password: 'b' }, "takes 'bearer' or 'username'"],
    ['an address that is none', { url: 'hooks.example.com' }, 'url: expected an address'],
    [
      'a login in the address',
      { url: 'https://a:b@x' },
      "url: holds a user or password; write 'username' and 'password'",
    ],
  ])('refuses an http profile with %s', (_what, profile, message) => {
    expect(() => resolveProfiles({ http: { hook: profile } })).toThrow(`http profile 'hook': ${message}`)
  })

  it('never repeats the address that it refuses, as it may be the secret', () => {
    const error = (() => {
      try {
        resolveProfiles({ http: { hook: { url: 'htps//hooks/s3cret' } } })
      } catch (thrown) {
        return thrown as Error
      }
    })()
    expect(error?.message).toContain('url: expected')
    expect(error?.message).not.toContain('s3cret')
  })
})

describe('showing profiles', () => {
  it('masks every secret and keeps the rest', () => {
    const http = {
      url: 'https://hooks.example.com/services/T1?token=x',
      bearer: 'b',
      headers: { 'X-Key': 'k' },
      timeout: 5,
    }
    expect(redact(http)).toEqual({
      url: 'https://hooks.example.com/…',
      bearer: '[redacted]',
      headers: { 'X-Key': '[redacted]' },
      timeout: 5,
    })
    expect(redact({ ...mail, password: 'x', ca: TEST_CERT })).toEqual({
      ...mail,
      password: '[redacted]',
      ca: '[certificate]',
    })
  })

  it('keeps where a secret comes from', () => {
    expect(redact({ password: { env: 'MAIL_PASSWORD' } })).toEqual({ password: { env: 'MAIL_PASSWORD' } })
  })
})
