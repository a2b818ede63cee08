import { createAccount, createServer, createUser, fromPublic } from '@nats-io/nkeys'
import { describe, expect, it } from 'vitest'
import { createSigner } from '../../src/bus/nkey.ts'
import {
  acceptance,
  expiry,
  type LoginRequest,
  readLoginRequest,
  refusal,
  type UserClaims,
} from '../../src/login/jwt.ts'
import { minionPermissions } from '../../src/protocol/permissions.ts'
import { keyLogin, NONCE, requestClaims, requestToken, seedOf, signedBy } from './requests.ts'

const read = (token: string): LoginRequest => {
  const request = readLoginRequest(token)
  if ('problem' in request) throw new Error(request.problem)
  return request
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
const issuerPair = createAccount()
const issuer = createSigner(seedOf(issuerPair), 'account')

describe('reading an authorization request', () => {
  it('gives what the server says of the connection and what the client said', () => {
    const login = keyLogin(createUser())
    const claims = requestClaims({ ...login, user: 'minion:web1', pass: 'x' })
    const server = createServer()
    const token = signedBy(server, {
      ...claims,
      iss: server.getPublicKey(),
      nats: { ...claims.nats, server_id: { id: server.getPublicKey(), name: 'n1' } },
    })
    expect(read(token)).toEqual({
      server: server.getPublicKey(),
      serverName: 'n1',
      userNkey: claims.nats.user_nkey,
      issuedAt: claims.iat,
      kind: 'Client',
      type: 'nats',
      host: '10.0.0.7',
      nonce: NONCE,
      ...login,
      user: 'minion:web1',
      pass: 'x',
    })
  })

  it('passes over what a later server says beside it', () => {
    const server = createServer()
    const claims = requestClaims({}, server)
    expect(read(signedBy(server, { ...claims, nats: { ...claims.nats, news: [1] } })).kind).toBe('Client')
  })

  const server = createServer()
  const good = requestClaims({}, server)
  const withNats = (nats: Record<string, unknown>) => ({ ...good, nats: { ...good.nats, ...nats } })
  it.each<[string, unknown]>([
    ['another audience', { ...good, aud: 'nats-authorization-response' }],
    ['an issuer that is no server', { ...good, iss: createUser().getPublicKey() }],
    ['no time', { ...good, iat: undefined }],
    ['no nats', { ...good, nats: undefined }],
    ['another type', withNats({ type: 'user' })],
    ['another version', withNats({ version: 1 })],
    ['a user that is no nkey', withNats({ user_nkey: '*' })],
    ['a user of objects', withNats({ connect_opts: { user: { toString: 'x' } } })],
    ['a numeric password', withNats({ connect_opts: { user: 'ada', pass: 7 } })],
    ['a nonce that is no text', withNats({ client_info: { ...good.nats.client_info, nonce: ['a'] } })],
    ['no connection', withNats({ client_info: undefined })],
    ['a server other than its issuer', withNats({ server_id: { id: createServer().getPublicKey() } })],
    ['null', null],
    ['a list', []],
  ])('refuses %s', (_what, claims) => {
    expect(readLoginRequest(signedBy(server, good))).not.toHaveProperty('problem')
    expect(readLoginRequest(signedBy(server, claims))).toHaveProperty('problem')
  })

  it('refuses one that another than its issuer signed', () => {
    expect(readLoginRequest(signedBy(createServer(), good))).toEqual({ problem: 'its signature is not of its issuer' })
  })

  it('refuses one that was changed after it was signed', () => {
    const [head, , signature] = signedBy(server, good).split('.')
    const body = Buffer.from(JSON.stringify(withNats({ connect_opts: { user: 'ada' } }))).toString('base64url')
    expect(readLoginRequest(`${head}.${body}.${signature}`)).toEqual({ problem: 'its signature is not of its issuer' })
  })

  it.each([{ typ: 'JWT', alg: 'none' }, { typ: 'JWT', alg: 'HS256' }, {}, null])('refuses the header %j', header => {
    expect(readLoginRequest(signedBy(server, good, header))).toHaveProperty('problem')
  })

  it.each([
    '',
    'hello',
    'a.b',
    'a.b.c',
    'a.b.c.d',
    '..',
    '{}',
    `${requestToken()}.x`,
    'x'.repeat(1_000_000),
    '\u0000.\u{1f600}.=',
  ])('refuses text that is no JWT (%#)', text => {
    expect(readLoginRequest(text)).toHaveProperty('problem')
  })
})

describe('answering', () => {
  const request = read(requestToken(keyLogin(createUser())))
  const permissions = minionPermissions('reactor', 'web1.example')
  const accepted = acceptance(issuer, request, {
    name: 'web1.example',
    account: 'FLEET',
    permissions,
    expires: 2_000_000_000,
  })

  it('signs the response and the user as the issuer', () => {
    for (const token of [accepted, claimsOf(accepted).nats.jwt as string, refusal(issuer, request, 'no')]) {
      const at = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(at + 1), 'base64url')
      expect(fromPublic(issuerPair.getPublicKey()).verify(Buffer.from(token.slice(0, at)), signature)).toBe(true)
      expect(claimsOf(token).iss).toBe(issuerPair.getPublicKey())
    }
  })

  it('addresses it to the server and the connection that asked', () => {
    for (const token of [accepted, refusal(issuer, request, 'no')]) {
      expect(claimsOf(token)).toMatchObject({
        sub: request.userNkey,
        aud: request.server,
        nats: { type: 'authorization_response', version: 2 },
      })
    }
  })

  it('gives the user its account, name, end and permissions', () => {
    expect(claimsOf(claimsOf(accepted).nats.jwt)).toMatchObject({
      sub: request.userNkey,
      name: 'web1.example',
      aud: 'FLEET',
      exp: 2_000_000_000,
      nats: {
        pub: { allow: permissions.publish },
        sub: { allow: permissions.subscribe },
        resp: { max: 1, ttl: 60_000_000_000 },
        type: 'user',
        version: 2,
      },
    })
  })

  it('carries no user with a refusal', () => {
    expect(claimsOf(refusal(issuer, request, 'no')).nats).toEqual({
      error: 'no',
      type: 'authorization_response',
      version: 2,
    })
  })

  it('forbids everything where nothing is allowed', () => {
    const nothing: UserClaims = { name: 'x', account: 'OPS', permissions: { publish: [], subscribe: [] }, expires: 1 }
    expect(claimsOf(claimsOf(acceptance(issuer, request, nothing)).nats.jwt).nats).toMatchObject({
      pub: { deny: ['>'] },
      sub: { deny: ['>'] },
    })
  })

  it.each(['a*b', 'a.>', 'a b', '*', '>', 'ü', '_master'])('has the id %j in no subject as it is', id => {
    const user = { name: 'x', account: 'FLEET', permissions: minionPermissions('reactor', id), expires: 1 } as const
    const { pub, sub } = claimsOf(claimsOf(acceptance(issuer, request, user)).nats.jwt).nats
    const subjects: string[] = [...pub.allow, ...sub.allow]
    expect(subjects.length).toBeGreaterThan(2)
    for (const subject of subjects) expect(subject).toMatch(/^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*(\.>)?$/)
    const tokens = subjects.flatMap(subject => subject.replace(/\.>$/, '').split('.'))
    expect(tokens.filter(token => token.includes(id))).toEqual([])
  })

  it('ends logins after their time, give or take a tenth', () => {
    const ends = Array.from({ length: 500 }, () => expiry(request, 1_000_000) - request.issuedAt)
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(900)
    expect(Math.max(...ends)).toBeLessThanOrEqual(1100)
    expect(new Set(ends).size).toBeGreaterThan(50)
  })

  it('lets a login live for a second at least', () => {
    expect(expiry(request, 0)).toBe(request.issuedAt + 1)
  })
})
