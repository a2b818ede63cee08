import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const LOG = fileURLToPath(new URL('../../dist/base/log.js', import.meta.url))

/** What a process that logs so says on stderr and on stdout. */
function said(level: string, format: string, line: string) {
  const script = `import { createLog } from ${JSON.stringify(LOG)}\nconst log = createLog('jobs', '${level}', '${format}')\n${line}`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  return { stdout, stderr }
}

describe('the log', () => {
  it('goes to stderr, as lines for people or for programs', () => {
    const text = said('info', 'text', "log.info({ rules: 2 }, 'rules loaded')")
    expect(text.stdout).toBe('')
    expect(text.stderr).toMatch(/jobs.*rules loaded \{"rules":2\}/)
    const json = said('info', 'json', "log.info({ rules: 2 }, 'rules loaded')")
    expect(JSON.parse(json.stderr)).toMatchObject({ name: 'jobs', rules: 2, msg: 'rules loaded' })
  })

  it('says nothing below its level', () => {
    expect(said('warn', 'json', "log.info('x')").stderr).toBe('')
  })

  it('shows no secret, by the name of its key', () => {
    const { stderr } = said(
      'info',
      'json',
      "log.info({ password: 'hunter2', profile: { bearer: 'hunter2', host: 'h', deep: [{ api_key: 'hunter2' }] } }, 'x')",
    )
    expect(stderr).not.toContain('hunter2')
    expect(JSON.parse(stderr)).toMatchObject({ password: '[redacted]', profile: { host: 'h' } })
  })

  it('tells an error with its message and stack, and a reason that is text as it is', () => {
    const { stderr } = said('info', 'json', "log.error({ error: new TypeError('no such thing'), reason: 'why' }, 'x')")
    expect(JSON.parse(stderr)).toMatchObject({
      error: { type: 'TypeError', message: 'no such thing', stack: expect.stringContaining('no such thing') },
      reason: 'why',
    })
    expect(JSON.parse(said('info', 'json', "log.error({ error: 'plain' }, 'x')").stderr).error).toBe('plain')
    expect(said('info', 'text', "log.error({ error: new TypeError('no such thing') }, 'x')").stderr).toContain(
      'no such thing',
    )
  })
})
