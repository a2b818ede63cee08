import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { createAuth } from '../../src/gateway/auth.ts'
import { hmac } from './gate.ts'

const NOW = 1_700_000_000_000
const SECONDS = '1700000000'
const env = { A: 'first-secret', B: 'second-secret' }
const authOf = (auth: unknown) => {
  const config = parseConfig({ gateway: { hooks: { '/hook/x': { auth } } } }, 'the test')
  return createAuth('x', config.gateway.hooks['/hook/x']!.auth, { env })
}
const secrets = [{ env: 'A' }, { env: 'B' }]
const body = Buffer.from('{"n":1}')
/** 200, or the status of the refusal. */
const check = (auth: ReturnType<typeof authOf>, headers: Record<string, string>, bytes = body, now = NOW) => {
  const early = auth.early(headers)
  const outcome = early ?? auth.check(headers, bytes, now)
  return 'status' in outcome ? outcome.status : 200
}

describe('the proof of a bearer', () => {
  it('is any of the tokens, in its header and in no other form', () => {
    const auth = authOf({ type: 'bearer', secrets })
    expect(check(auth, { authorization: 'Bearer first-secret' })).toBe(200)
    expect(check(auth, { authorization: 'bearer second-secret' })).toBe(200)
    for (const authorization of [
      '',
      'Bearer',
      'Bearer first',
      'first-secret',
      'Basic first-secret',
      'Bearer first-secret x',
    ])
      expect(check(auth, { authorization }), authorization).toBe(401)
    expect(check(auth, {})).toBe(401)
  })

  it('can stand alone in a header of its own', () => {
    const auth = authOf({ type: 'bearer', header: 'X-Gitlab-Token', secrets })
    expect(check(auth, { 'x-gitlab-token': 'first-secret' })).toBe(200)
    expect(check(auth, { 'x-gitlab-token': 'Bearer first-secret' })).toBe(401)
    expect(check(auth, { authorization: 'Bearer first-secret' })).toBe(401)
  })
})

describe('a signature', () => {
  it('of GitHub is over the raw body, by any of the secrets', () => {
    const auth = authOf({ type: 'github', secrets })
    const signed = (secret: string) => ({ 'x-hub-signature-256': `sha256=${hmac(secret, body)}` })
    expect(check(auth, signed('first-secret'))).toBe(200)
    expect(check(auth, signed('second-secret'))).toBe(200)
    expect(check(auth, signed('third-secret'))).toBe(401)
    expect(check(auth, signed('first-secret'), Buffer.from('{"n": 1}'))).toBe(401)
    expect(check(auth, { 'x-hub-signature-256': hmac('first-secret', body) })).toBe(401)
    expect(check(auth, { 'x-hub-signature-256': 'sha256=' })).toBe(401)
    expect(check(auth, { 'x-hub-signature': `sha1=${hmac('first-secret', body, 'sha1')}` })).toBe(401)
  })

  it('names the request by what is signed, whichever secret it was signed with, and wherever that stands in the list', () => {
    const keyOf = (order: unknown[], secret: string) => {
      const outcome = authOf({ type: 'github', secrets: order }).check(
        { 'x-hub-signature-256': `sha256=${hmac(secret, body)}` },
        body,
        NOW,
      )
      return 'key' in outcome ? outcome.key : undefined
    }
    const key = keyOf(secrets, 'first-secret')
    expect(key).toEqual(expect.any(String))
    expect(keyOf(secrets, 'second-secret')).toBe(key)
    expect(keyOf([...secrets].reverse(), 'second-secret')).toBe(key)
    expect(keyOf([secrets[1]], 'second-secret')).toBe(key)
  })

  it('of Slack covers its time, and holds for the tolerance', () => {
    const auth = authOf({ type: 'slack', secrets })
    const headers = (time: string) => ({
      'x-slack-request-timestamp': time,
      'x-slack-signature': `v0=${hmac('first-secret', `v0:${time}:${body}`)}`,
    })
    expect(check(auth, headers(SECONDS))).toBe(200)
    expect(check(auth, { ...headers(SECONDS), 'x-slack-request-timestamp': '1700000001' })).toBe(401)
    expect(check(auth, headers(SECONDS), body, NOW + 300_000)).toBe(200)
    expect(check(auth, headers(SECONDS), body, NOW + 301_000)).toBe(401)
    expect(check(auth, headers(SECONDS), body, NOW - 301_000)).toBe(401)
    for (const time of ['', '-1', '1e9', 'NaN', '0x10', '9'.repeat(15)])
      expect(check(auth, headers(time)), time).toBe(401)
  })

  it('of Stripe is any of its v1', () => {
    const auth = authOf({ type: 'stripe', secrets })
    const v1 = hmac('second-secret', `${SECONDS}.${body}`)
    const old = hmac('gone-secret', `${SECONDS}.${body}`)
    const given = (value: string) => check(auth, { 'stripe-signature': value })
    expect(given(`t=${SECONDS},v1=${v1}`)).toBe(200)
    expect(given(`t=${SECONDS},v1=${old},v1=${v1},v0=abc`)).toBe(200)
    expect(given(`t=${SECONDS},v0=${v1}`)).toBe(401)
    expect(given(`t=${SECONDS},t=${SECONDS},v1=${v1}`)).toBe(401)
    expect(given(`v1=${v1}`)).toBe(401)
    expect(check(auth, { 'stripe-signature': `t=${SECONDS},v1=${v1}` }, body, NOW + 301_000)).toBe(401)
  })

  it('of anybody else is where and as the config says', () => {
    const shopify = authOf({ type: 'hmac', secrets, header: 'X-Shopify-Hmac-Sha256', encoding: 'base64' })
    expect(check(shopify, { 'x-shopify-hmac-sha256': hmac('first-secret', body, 'sha256', 'base64') })).toBe(200)
    const timed = authOf({
      type: 'hmac',
      secrets,
      header: 'X-Sig',
      algorithm: 'sha512',
      prefix: 'v1,',
      timestamp: 'X-Time',
      signed: '{timestamp}:{body}!',
    })
    const headers = { 'x-time': String(NOW), 'x-sig': `v1,${hmac('first-secret', `${NOW}:${body}!`, 'sha512')}` }
    expect(check(timed, headers)).toBe(200)
    expect(check(timed, headers, body, NOW + 301_000)).toBe(401)
    expect(check(timed, { ...headers, 'x-time': String(NOW + 1) })).toBe(401)
  })

  it('names the request by what was signed, however the signature is written', () => {
    const auth = authOf({ type: 'github', secrets })
    const key = (hex: string, bytes = body) =>
      (auth.check({ 'x-hub-signature-256': `sha256=${hex}` }, bytes, NOW) as { key: string }).key
    const hex = hmac('first-secret', body)
    expect(key(hex)).toBe(key(hex.toUpperCase()))
    expect(key(hex)).toBe(key(hmac('second-secret', body)))
    const other = Buffer.from('{"n":2}')
    expect(key(hmac('first-secret', other), other)).not.toBe(key(hex))
  })
})

describe('the config of a hook', () => {
  const problem = (hook: unknown, path = '/hook/x') => {
    try {
      parseConfig({ gateway: { hooks: { [path]: hook } } }, 'the test')
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }

  it('must say who may send', () => {
    expect(problem({})).toContain('auth')
    expect(problem({ auth: { type: 'basic', secrets } })).toContain('bearer, github, slack, stripe or hmac')
    expect(problem({ auth: 'none' })).toBe('')
  })

  it('takes no secret that is written into it, and does not repeat it', () => {
    const text = problem({ auth: { type: 'bearer', secrets: ['hunter22'] } })
    expect(text).toContain('expected {env: NAME} or {file: PATH}')
    expect(text).not.toContain('hunter22')
    expect(() => createAuth('the hook', { type: 'bearer', secrets: [{ env: 'NOT_SET' }] }, { env })).toThrow(
      /NOT_SET is not set/,
    )
  })

  it('refuses what would prove nothing', () => {
    const signed = { type: 'hmac', secrets, header: 'x-sig' }
    expect(problem({ auth: { ...signed, signed: '{timestamp}.{body}' } })).toContain('go together')
    expect(problem({ auth: { ...signed, timestamp: 'x-time', signed: '{body}' } })).toContain('go together')
    expect(problem({ auth: { ...signed, signed: 'x' } })).toContain('{body}')
    expect(problem({ auth: { ...signed, tolerance: '1m' } })).toContain('timestamp')
    expect(problem({ auth: { type: 'slack', secrets, tolerance: '11m' } })).toContain('1 s to 600 s')
    expect(problem({ auth: { type: 'github', secrets }, delivery_id: { header: 'X-GitHub-Delivery' } })).toContain(
      'not signed',
    )
  })

  it('shows no header that holds a secret', () => {
    for (const name of ['Authorization', 'Cookie', 'X-Gitlab-Token', 'X-Hub-Signature-256', 'X-Api-Key'])
      expect(problem({ auth: 'none', headers: [name] }), name).toContain('holds a secret')
  })

  it('knows networks, and paths below /hook', () => {
    expect(problem({ auth: 'none', allow: ['10.0.0.0/33'] })).toContain('10.0.0.0/33')
    expect(problem({ auth: 'none', allow: ['10.0.0.0/8', '2001:db8::/32', '::1'] })).toBe('')
    expect(problem({ auth: 'none' }, '/other')).toContain('/hook/')
    expect(problem({ auth: 'none', ratte: 1 })).toContain('ratte')
  })
})
