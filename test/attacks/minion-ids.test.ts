// Ids that mean more than a name: no join token lets them in, and those that are names give no more than a name gives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { escapeId } from '../../src/protocol/token.ts'
import { authFrom, eventsFrom, harmless, keyLists, ping, refusalsFrom, serverLogFrom } from './harm.ts'
import { type System, startSystem } from './system.ts'
import { asMinion, knock, rawKey } from './wire.ts'

let system: System
/** Lets every id in. */
let join: string
beforeAll(async () => {
  system = await startSystem()
  join = (await system.run<{ token: string }>('wheel', 'token.create', [], { ids: '*', uses: 10_000 })).token
})
afterAll(() => system?.stop())

const login = (id: string, key = rawKey()) => knock(system.server.url, asMinion(id, key, { join }))

describe('what is no name is nobody', () => {
  it.each([
    ['a wildcard', '*'],
    ['the wildcard of all that follows', '>'],
    ['a wildcard for a token', 'web1.*'],
    ['a wildcard at the end', 'web1.>'],
    ['a question mark', 'web?'],
    ['a range', 'web[12]'],
    ['braces', 'web{1,2}'],
    ['a list', 'web1,web2'],
    ['a compound target', 'G@os:Linux'],
    ["a target's word", 'or'],
    ['a path upwards', '../web1'],
    ['a path of a file', '../../../etc/passwd'],
    ['a path from the root', '/etc/passwd'],
    ['a path within', 'web1/../web2'],
    ['a path of Windows', '..\\web1'],
    ['two dots', '..'],
    ['a dot', '.'],
    ['a dot before', '.web1'],
    ['an escape of a wildcard', '=2A'],
    ['an escape in a name', 'web=31'],
    ['an escape of the web', '%2e%2e%2fweb1'],
    ['a Cyrillic е', 'wеb1'],
    ['wide letters', 'ｗｅｂ１'],
    ['a Turkish ı', 'mınion'],
    ['a space of no width', 'web1\u200b'],
    ['an accent that stands alone', 'we\u0301b1'],
    ['text from right to left', '\u202eweb1'],
    ['a line break', 'web1\n'],
    ['a protocol line', 'web1\r\nPUB reactor.event._master.salt.key 2\r\n{}'],
    ['a NUL', 'web1\0'],
    ['a tabulator', 'web1\t'],
    ['an escape sequence of a terminal', '\u001b[2Jweb1'],
    ['a space before', ' web1'],
    ['a space behind', 'web1 '],
    ['nothing', ''],
    ['a service', '_master'],
    ["an operator's origin", '_user-admin'],
    ['__proto__', '__proto__'],
    ['the server', '$SYS'],
    ['JetStream', '$JS.API'],
    ['a command of a shell', '$(id)'],
    ['a template', '{{web1}}'],
    ['an option', '--web1'],
    ['254 characters', 'x'.repeat(254)],
    ['3,000 characters', 'x'.repeat(3000)],
    ['a public key', rawKey().nkey],
  ])('%s', async (_what, id) => {
    const record = refusalsFrom(system)
    const outcome = await harmless(system, () => login(id))
    expect(outcome).toEqual({ in: false, said: "-ERR 'Authorization Violation'" })
    await record('', /a minion with an id that none may have/)
    const lists = await keyLists(system)
    expect([...lists.minions, ...lists.minions_pre, ...lists.minions_denied].sort()).toEqual(['evil', 'web1', 'web2'])
  })

  it('10 KB end the connection', async () => {
    const logged = await serverLogFrom(system)
    const outcome = await harmless(system, () => login('x'.repeat(10_240)))
    expect(outcome).toMatchObject({ in: false, said: expect.stringMatching(/Maximum Control Line/i) })
    await logged(/maximum control line/i)
  })

  it('the token would have let a name in', async () => {
    const told = authFrom(system)
    expect(await login('web3')).toMatchObject({ in: true })
    await told('accept', 'web3')
    await system.run('wheel', 'key.delete', ['web3'])
  })
})

describe('a name that looks like more is a name', () => {
  it.each([
    ['a dot behind web1', 'web1.'],
    ['dots behind web1', 'web1..'],
    ['two names with a dot', 'web1.web2'],
    ['many dots', `a${'.'.repeat(252)}`],
    ['253 characters', 'x'.repeat(253)],
    ['capitals', 'WEB1'],
    ["the operator's name", 'admin'],
    ["a service's name", 'master'],
    ['constructor', 'constructor'],
    ['hasOwnProperty', 'hasOwnProperty'],
    ['toString', 'toString'],
    ["a rule's user", 'rule:all'],
    ["a minion's user", 'minion:web1'],
    ["a peer's user", 'peer:web1'],
    ['true', 'true'],
    ['null', 'null'],
    ['a number', '1'],
    ['a version', '1.0e5'],
  ])('%s: is heard as itself alone, and hears nothing of others', async (_what, id) => {
    const logged = await serverLogFrom(system)
    const next = eventsFrom(system)
    const before = await keyLists(system)
    const outcome = await login(id)
    if (!outcome.in) throw new Error(outcome.said)
    const { wire } = outcome
    const own = escapeId(id)
    const body = JSON.stringify({ tag: 'my/tag', data: { id: 'web1' }, _stamp: '' })
    const pub = (subject: string) => `PUB ${subject} ${body.length}\r\n${body}\r\n`
    const sub = (subject: string) => `SUB ${subject} 1\r\n`
    const mine = [pub(`reactor.event.${own}.my.tag`), sub(`reactor.job.${own}`), sub(`_INBOX_${own}.>`)]
    expect(await wire.ask(mine.join(''))).toEqual([])
    const foreign = [
      ...['web1', 'evil', '_master', '_user-admin', '*'].map(origin => pub(`reactor.event.${origin}.my.tag`)),
      // The id as it is, where that is another subject than its own.
      ...(own === id ? [] : [pub(`reactor.event.${id}.my.tag`)]),
      ...['web1', '*', 'web1.>'].map(minion => pub(`reactor.grains.${minion}`)),
      ...['reactor.job.web1', 'reactor.job.*', 'reactor.job.>', 'reactor.event.>', '_INBOX_web1.>', '_INBOX.>'].map(
        sub,
      ),
      ...['>', '*', '*.*.>', '_R_.>', '$SYS.>', '$JS.>', 'reactor.live.>'].map(sub),
    ]
    const violations = await wire.ask(foreign.join(''))
    expect(violations).toHaveLength(foreign.length)
    for (const line of violations) expect(line).toMatch(/Permissions Violation/)
    const event = await next(({ tag }) => tag === 'my/tag', 'its own event')
    expect(event.origin).toEqual({ kind: 'minion', id })
    await logged(/Subscription Violation/)
    expect(await ping(system)).toEqual(['web1', 'web2'])
    const after = await keyLists(system)
    expect(after.minions.filter(one => !before.minions.includes(one))).toEqual([id])
    await system.run('wheel', 'key.delete_dict', [{ minions: [id] }])
    await wire.ended
    expect(await keyLists(system)).toEqual(before)
  })
})
