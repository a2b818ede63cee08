import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { describe, expect, it } from 'vitest'
import { isRefused } from '../../src/functions/define-returner.ts'
import smtp from '../../src/returners/smtp.ts'
import { closedPort, startScripted, startSmtp } from '../alerts/smtp-test-server.ts'
import { eventOf, jidAt, returnerContract, returnOf } from '../contract/returners.ts'
import { opened } from './opened.ts'

const addresses = { from: 'reactor@example.com', to: 'Ops <ops@example.com>, db@example.com' }

returnerContract('smtp', smtp, async () => {
  const start = async (port: number) => {
    const server = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'], disableReverseLookup: true })
    server.listen(port, '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }
  let server = await start(0)
  const { port } = server.server.address() as AddressInfo
  const end = () => new Promise<void>(resolve => server.close(() => resolve()))
  return {
    settings: { 'smtp.host': '127.0.0.1', 'smtp.port': port, 'smtp.from': addresses.from, 'smtp.to': addresses.to },
    async interrupt() {
      await end()
      server = await start(port)
    },
    remove: end,
  }
})

const jid = jidAt(Date.now())
/** The mail as it reads, its text decoded. */
const read = (raw: string): string => {
  const [head = '', ...body] = raw.replaceAll('\r\n', '\n').split('\n\n')
  const text = body.join('\n\n')
  if (/base64/i.test(head)) return `${head}\n\n${Buffer.from(text, 'base64')}`
  if (!/quoted-printable/i.test(head)) return raw.replaceAll('\r\n', '\n')
  const bytes = text
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return `${head}\n\n${Buffer.from(bytes, 'latin1')}`
}

async function open(settings: Record<string, unknown> = {}, options: Parameters<typeof startSmtp>[0] = {}) {
  const { port, mails } = await startSmtp(options)
  const store = await opened('smtp', { host: '127.0.0.1', port, ...addresses, ...settings })
  return { store, mails }
}

describe('the mail of a return', () => {
  it('says who returned what, to everybody it is for', async () => {
    const { store, mails } = await open()
    await store.returner([returnOf(jid, 'web1', { fun: 'disk.usage', fun_args: ['/'], return: { '/': { free: 12 } } })])
    const [mail] = mails
    expect(mail).toMatchObject({ from: 'reactor@example.com', to: ['ops@example.com', 'db@example.com'] })
    const text = read(mail!.raw)
    expect(text).toContain('\nSubject: web1: disk.usage done\n')
    for (const line of [
      'minion:    web1',
      'function:  disk.usage',
      'arguments: ["/"]',
      `jid:       ${jid}`,
      '"free": 12',
    ])
      expect(text).toContain(line)
  })

  it("has a subject with fields, and a text, of one's own", async () => {
    const { store, mails } = await open({
      subject: 'fleet {{ id | upper }}',
      fields: 'fun,retcode',
      template: '{% if not success %}{{ fun }} says {{ return }}{% endif %}',
    })
    await store.returner([returnOf(jid, 'web1', { return: 'no space', success: false, retcode: 2 })])
    expect(read(mails[0]!.raw)).toMatch(/^Subject: fleet WEB1 test\.ping 2$/m)
    expect(read(mails[0]!.raw)).toMatch(/\n\ntest\.ping says no space\n/)
  })

  it('cannot be given a header, or a template, by what was returned', async () => {
    const { store, mails } = await open({ fields: ['return'] })
    await store.returner([returnOf(jid, 'web1', { return: 'a\r\nBcc: evil@example.com\r\n\r\n{{ 1 + 1 }}' })])
    const [head] = mails[0]!.raw.split('\r\n\r\n')
    expect(head).toContain('Subject: web1: test.ping done a Bcc: evil@example.com {{ 1 + 1 }}')
    expect(head).not.toMatch(/^Bcc:/im)
    expect(mails[0]!.to).toHaveLength(2)
  })

  it('is cut where nobody would read it', async () => {
    const { store, mails } = await open()
    await store.returner([returnOf(jid, 'web1', { return: 'm'.repeat(1024 * 1024) })])
    expect(mails[0]!.raw.length).toBeLessThan(300_000)
    expect(read(mails[0]!.raw)).toMatch(/\[cut: 1\d{6} characters in all\]/)
  })

  it('is sent once by a process, and under the same Message-ID by another', async () => {
    const { port, mails } = await startSmtp()
    const settings = { host: '127.0.0.1', port, ...addresses }
    const [one, other] = [await opened('smtp', settings), await opened('smtp', settings)]
    await one.returner([returnOf(jid, 'web1'), returnOf(jid, 'web1')])
    await one.returner([returnOf(jid, 'web1'), returnOf(jid, 'web2')])
    await other.returner([returnOf(jid, 'web1')])
    const ids = mails.map(({ raw }) => /^Message-ID: (.+)\r$/im.exec(raw)?.[1])
    expect(ids).toHaveLength(3)
    expect(new Set(ids).size).toBe(2)
    expect(ids[2]).toBe(ids[0])
  })

  it('is another one, with a Message-ID of its own, where a return says something else', async () => {
    const { store, mails } = await open()
    await store.returner([returnOf(jid, 'web1', { return: 'first' })])
    await store.returner([returnOf(jid, 'web1', { return: 'second' })])
    const ids = mails.map(({ raw }) => /^Message-ID: (.+)\r$/im.exec(raw)?.[1])
    expect([ids.length, new Set(ids).size]).toEqual([2, 2])
  })

  it('goes by a profile with its login', async () => {
    const { port, mails } = await startSmtp({
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        password === 'correct horse' ? done(null, { user: username }) : done(new Error('no')),
    })
    const profile = { host: '127.0.0.1', port, username: 'reactor', password: 'correct horse', ...addresses }
    const store = await opened('smtp', { profile: 'ops' }, { smtp: { ops: profile } })
    await store.returner([returnOf(jid, 'web1')])
    expect(mails[0]).toMatchObject({ user: 'reactor', to: ['ops@example.com', 'db@example.com'] })
  })
})

it('mails events together', async () => {
  const { store, mails } = await open()
  await store.event_return([eventOf('e1'), eventOf('e2', { tag: 'salt/auth', data: { act: 'accept' } })])
  expect(mails).toHaveLength(1)
  const text = read(mails[0]!.raw)
  expect(text).toMatch(/^Subject: event deploy\/done and 1 more$/m)
  expect(text).toMatch(/salt\/auth\nfrom web1, 2026-11-20T09:18:20.838387 UTC/)
  expect(text).toContain('"act": "accept"')
})

it('mails no event twice, also where it comes again beside others', async () => {
  const { store, mails } = await open()
  await store.event_return([eventOf('e1'), eventOf('e2')])
  await store.event_return([eventOf('e2'), eventOf('e3', { tag: 'salt/auth' })])
  expect(mails.map(({ raw }) => /^Subject: (.+)\r$/m.exec(raw)?.[1])).toEqual([
    ...['event deploy/done and 1 more', 'event salt/auth'],
  ])
})

describe('a mail that is not taken', () => {
  const failed = async (promise: Promise<void>) => {
    const error = await promise.then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    return { refused: isRefused(error), message: error?.message ?? 'nothing was thrown' }
  }
  const answering = async (step: RegExp, answer: string) => {
    let inText = false
    const { port } = await startScripted('220 hi', line => {
      if (inText && line !== '.') return undefined
      inText = line === 'DATA'
      if (inText) return '354 go on'
      return step.test(line) ? answer : '250 ok'
    })
    return opened('smtp', { host: '127.0.0.1', port, ...addresses, to: 'ops@example.com' })
  }

  it.each([
    ['its recipient', /^RCPT/, '550 no such user'],
    ['its text', /^\.$/, '554 looks like spam'],
  ])('because of %s, for good, is refused', async (_what, step, answer) => {
    const store = await answering(step, answer)
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: true,
      message: expect.stringContaining(answer),
    })
  })

  it.each([
    ['its recipient, for now', /^RCPT/, '451 try later'],
    ['its text, for now', /^\.$/, '452 no room'],
    ['its sender', /^MAIL/, '550 not from there'],
  ])('because of %s, comes again', async (_what, step, answer) => {
    const store = await answering(step, answer)
    expect(await failed(store.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: false,
      message: expect.stringContaining(answer),
    })
  })

  it('comes again where the server is away or silent, within its time', async () => {
    const away = await opened('smtp', { host: '127.0.0.1', port: await closedPort(), ...addresses })
    expect(await failed(away.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: false,
      message: expect.stringContaining('ECONNREFUSED'),
    })
    const { port } = await startScripted(undefined, () => undefined)
    const silent = await opened('smtp', { host: '127.0.0.1', port, ...addresses, timeout: '200ms' })
    expect(await failed(silent.returner([returnOf(jid, 'web1')]))).toMatchObject({
      refused: false,
      message: expect.stringContaining('did not take the mail within 0.2s'),
    })
  })

  it('does not keep the others from going, nor are they sent again with it', async () => {
    const taken: string[] = []
    const { port } = await startSmtp({
      onData(stream, _session, done) {
        const chunks: Buffer[] = []
        stream.on('data', chunk => chunks.push(chunk))
        stream.on('end', () => {
          const subject = /^Subject: (\S+):/m.exec(Buffer.concat(chunks).toString())?.[1] ?? ''
          if (subject === 'bad') return done(Object.assign(new Error('never'), { responseCode: 554 }))
          taken.push(subject)
          done()
        })
      },
    })
    const store = await opened('smtp', { host: '127.0.0.1', port, ...addresses })
    const batch = ['bad', 'web1', 'web2'].map(id => returnOf(jid, id))
    expect(await failed(store.returner(batch))).toMatchObject({ refused: true })
    expect(await failed(store.returner(batch))).toMatchObject({ refused: true })
    expect(taken.sort()).toEqual(['web1', 'web2'])
  })

  it('by one of its recipients is not sent again to the others', async () => {
    const taken: string[] = []
    const { port } = await startSmtp({
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith('db') ? Object.assign(new Error('unknown'), { responseCode: 550 }) : null),
      onData(stream, session, done) {
        taken.push(...session.envelope.rcptTo.map(({ address }) => address))
        stream.resume().on('end', () => done())
      },
    })
    const store = await opened('smtp', { host: '127.0.0.1', port, ...addresses })
    const batch = [returnOf(jid, 'web1'), returnOf(jid, 'web2')]
    for (const part of [batch, batch.slice(0, 1), batch.slice(1)])
      expect(await failed(store.returner(part))).toMatchObject({
        ...{ refused: true, message: expect.stringContaining('took the mail for ops@example.com, but refused db@') },
      })
    expect(taken).toEqual(['ops@example.com', 'ops@example.com'])
  })

  it('never shows the password', async () => {
    const { port } = await startSmtp({
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) => done(new Error(`Invalid ${password}`)),
    })
    const login = { username: 'reactor', password: 'battery staple' }
    const store = await opened('smtp', { host: '127.0.0.1', port, ...addresses, ...login })
    const error = await failed(store.returner([returnOf(jid, 'web1')]))
    expect(error).toMatchObject({ refused: false, message: expect.stringContaining('Invalid [redacted]') })
  })
})

describe('settings', () => {
  it.each([
    [{ ...addresses }, /there is no mail server: set 'smtp.host'/],
    [{ host: 'h', to: 'a@b.c' }, /'smtp.from' is one mail address/],
    [{ host: 'h', from: 'a@b.c' }, /'smtp.to' is missing/],
    [{ host: 'h', ...addresses, username: 'u' }, /go together/],
    [{ host: 'h', profile: 'ops', ...addresses }, /'smtp.host' and 'smtp.profile' are both set/],
    [{ profile: 'opps' }, /there is no smtp profile 'opps'. Did you mean 'ops'/],
    [{ host: 'h', ...addresses, subject: '{{ idd }}' }, /'smtp.subject': 'idd' is unknown here/],
    [{ host: 'h', ...addresses, template: '{% if %}' }, /'smtp.template': /],
    [{ host: 'h', ...addresses, fields: 'fun,nope' }, /'smtp.fields\.1': /],
  ])('that do not fit, such as %j, are said at once', async (settings, message) => {
    const profiles = { smtp: { ops: { host: 'mail.example.com' } } }
    await expect(opened('smtp', settings, profiles)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringMatching(message),
    })
  })
})
