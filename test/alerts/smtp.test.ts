import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { SMTPServerOptions } from 'smtp-server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bindArgs } from '../../src/functions/args.ts'
import { send_msg } from '../../src/modules/smtp.ts'
import { send_msg as runnerSendMsg } from '../../src/runners/smtp.ts'
import { createContext, type Setting } from './call-context.ts'
import { TEST_CERT } from './certificate.ts'
import { closedPort, startScripted, startSmtp } from './smtp-test-server.ts'

interface Sent {
  message_id: string
  accepted: string[]
  rejected: string[]
}

async function send(args: Record<string, unknown>, setting: Setting = {}, context = createContext(setting)) {
  return (await send_msg.run(bindArgs('smtp.send_msg', send_msg, [], args), context)) as Sent
}

const basic = {
  recipient: 'ops@example.com',
  message: 'web1 is full',
  sender: 'reactor@example.com',
  server: '127.0.0.1',
}
const login = { username: 'reactor', password: 'correct horse' }

const withLogin: SMTPServerOptions = {
  onAuth({ username, password }, _session, done) {
    if (username === login.username && password === login.password) return done(null, { user: username })
    done(new Error(`Invalid credentials ${password}`))
  },
}

describe('sending a mail', () => {
  it('hands text, subject and addresses to the server', async () => {
    const { port, mails } = await startSmtp()
    const sent = await send({
      ...basic,
      port,
      subject: 'disk full',
      recipient: 'Ops <ops@example.com>, db@example.com',
    })
    expect(sent.accepted).toEqual(['ops@example.com', 'db@example.com'])
    expect(sent.rejected).toEqual([])
    const [mail] = mails
    expect(mail).toMatchObject({ from: 'reactor@example.com', to: ['ops@example.com', 'db@example.com'] })
    expect(mail!.raw).toMatch(/^Subject: disk full\r$/m)
    expect(mail!.raw).toMatch(/^To: Ops <ops@example.com>, db@example.com\r$/m)
    expect(mail!.raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
    expect(mail!.raw).toContain('web1 is full')
  })

  it('takes its arguments by position in the order of Salt', async () => {
    const { port, mails } = await startSmtp()
    const args = bindArgs('smtp.send_msg', send_msg, ['ops@example.com', 'text', 'subject'], {
      sender: 'a@example.com',
      server: `127.0.0.1:${port}`,
    })
    await send_msg.run(args, createContext())
    expect(mails[0]!.raw).toMatch(/^Subject: subject\r$/m)
  })

  it('is a runner function too', () => {
    expect(runnerSendMsg).toMatchObject({ kind: 'runner', idempotent: false })
  })

  it('sends text and HTML, copies, a hidden copy and an address for answers', async () => {
    const { port, mails } = await startSmtp()
    await send({
      ...basic,
      port,
      recipient: ['a@example.com'],
      cc: 'c@example.com',
      bcc: ['b@example.com'],
      reply_to: 'r@example.com',
      html: '<b>web1</b>',
    })
    const { raw, to } = mails[0]!
    expect(to).toEqual(['a@example.com', 'c@example.com', 'b@example.com'])
    expect(raw).toMatch(/^Cc: c@example.com\r$/m)
    expect(raw).toMatch(/^Reply-To: r@example.com\r$/m)
    expect(raw).not.toContain('b@example.com')
    expect(raw).toContain('multipart/alternative')
    expect(raw).toContain('<b>web1</b>')
  })

  it('keeps the Message-ID over attempts under the same key, and changes it with the key', async () => {
    const { port, mails } = await startSmtp()
    const first = await send({ ...basic, port }, { key: 'event-1/disk rule/0' })
    const again = await send({ ...basic, port }, { key: 'event-1/disk rule/0' })
    const other = await send({ ...basic, port }, { key: 'event-2/disk rule/0' })
    expect(first.message_id).toMatch(/^<[0-9a-f]{40}@reactor\.example\.com>$/)
    expect(again.message_id).toBe(first.message_id)
    expect(other.message_id).not.toBe(first.message_id)
    expect(mails[0]!.raw).toContain(`Message-ID: ${first.message_id}`)
  })
})

describe('attachments', () => {
  async function folder() {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-mail-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    return dir
  }

  /** A profile that lets files of these folders be attached. */
  const attachable = (...dirs: string[]): Setting => ({ smtp: { files: { attachment_dirs: dirs } } })

  it('come from files and from content', async () => {
    const { port, mails } = await startSmtp()
    const path = join(await folder(), 'report.txt')
    await writeFile(path, 'from a file')
    const inline = { filename: 'data.bin', content: Buffer.from('from content').toString('base64'), encoding: 'base64' }
    await send({ ...basic, port, profile: 'files', attachments: [path, inline] }, attachable(dirname(path)))
    const { raw } = mails[0]!
    expect(raw).toContain('filename=report.txt')
    expect(raw).toContain('filename=data.bin')
    expect(raw).toContain(Buffer.from('from content').toString('base64'))
  })

  it.each([
    ['a file, where no folder is allowed', '/etc/hostname', /name its folder in attachment_dirs of the smtp profile/],
    [
      'content that is not base64',
      { filename: 'a', content: '%%%', encoding: 'base64' },
      /content of 'a' is not base64/,
    ],
    [
      'a line break in a name',
      { filename: 'a\r\nBcc: x@y', content: '' },
      /attachments\.filename: .* has a line break/,
    ],
  ])('refuse %s', async (_what, attachment, message) => {
    const { port, mails } = await startSmtp()
    await expect(send({ ...basic, port, attachments: [attachment] })).rejects.toThrow(message)
    expect(mails).toEqual([])
  })

  it.each([
    ['a missing file', '/missing.txt', /attachments: cannot read '.*missing\.txt': ENOENT/],
    ['a file elsewhere', '/../../etc/hostname', /has '\.\.' in it/],
    ['a link that leads elsewhere', '/link', /lies in none of the folders that are allowed/],
    ['a folder', '/inner', /is not a regular file/],
  ])('refuse %s', async (_what, name, message) => {
    const { port, mails } = await startSmtp()
    const dir = await folder()
    await symlink('/etc/hostname', join(dir, 'link'))
    await mkdir(join(dir, 'inner'))
    const sending = send({ ...basic, port, profile: 'files', attachments: dir + name }, attachable('/nonexistent', dir))
    await expect(sending).rejects.toThrow(message)
    await expect(sending).rejects.toMatchObject({ code: 'bad_argument' })
    expect(mails).toEqual([])
  })

  it('refuse more than the bound before anything is read or sent', async () => {
    const { port, mails } = await startSmtp()
    const path = join(await folder(), 'core.dump')
    await writeFile(path, '')
    await truncate(path, 10 * 1024 * 1024 + 1)
    const sending = send({ ...basic, port, profile: 'files', attachments: path }, attachable(dirname(path)))
    await expect(sending).rejects.toThrow(/core\.dump' goes beyond the 10 MiB/)
    expect(mails).toEqual([])
  })
})

describe('a profile', () => {
  it('is enough for everything but subject and text', async () => {
    const { port, mails } = await startSmtp(withLogin)
    const profile = {
      ...login,
      host: 'localhost',
      port,
      tls: 'starttls',
      from: 'Reactor <reactor@example.com>',
      to: ['ops@example.com'],
      cc: 'boss@example.com',
      ca: TEST_CERT,
    }
    await send({ profile: 'ops-mail', subject: 'x', message: 'y' }, { smtp: { 'ops-mail': profile } })
    expect(mails[0]).toMatchObject({ to: ['ops@example.com', 'boss@example.com'], user: 'reactor', secure: true })
  })

  it('gives way to what the call says', async () => {
    const { port, mails } = await startSmtp()
    const profile = { host: '127.0.0.1', port, from: 'a@example.com', to: 'ops@example.com' }
    await send({ profile: 'p', message: 'y', recipient: 'db@example.com' }, { smtp: { p: profile } })
    expect(mails[0]!.to).toEqual(['db@example.com'])
  })

  it.each(['server', 'port', 'tls'])("never lends its password where the call changes '%s'", async name => {
    const profile = { ...login, host: 'mail.example.com', from: 'a@example.com', to: 'ops@example.com' }
    const changed = { server: 'evil.example.com', port: 26, tls: 'none' }[name]
    const call = send({ profile: 'p', message: 'y', [name]: changed }, { smtp: { p: profile } })
    await expect(call).rejects.toThrow(`${name}: the profile's password goes only to the server the profile names`)
  })

  it('that does not exist is answered with the nearest and the known ones', async () => {
    const call = send({ profile: 'ops-mial', message: 'y' }, { smtp: { 'ops-mail': {}, night: {} } })
    await expect(call).rejects.toThrow(
      "there is no smtp profile 'ops-mial'. Did you mean 'ops-mail'? Known smtp profiles: night, ops-mail.",
    )
  })
})

describe('what is missing or malformed', () => {
  it.each([
    [
      'recipient',
      { recipient: undefined },
      "no recipient: give 'recipient', or a 'profile' with 'to'. Known smtp profiles: p.",
    ],
    ['sender', { sender: undefined }, "no sender: give 'sender', or a 'profile' with 'from'. Known smtp profiles: p."],
    [
      'server',
      { server: undefined },
      "no mail server: give 'server', or a 'profile' with 'host'. Known smtp profiles: p.",
    ],
    ['text', { message: undefined }, "no text: give 'message' or 'html'"],
    ['password', { username: 'x' }, 'password is missing: username was given without it'],
    ['second sender', { sender: 'a@b, c@d' }, 'a mail has one sender, got 2'],
    [
      'line break in the subject',
      { subject: 'a\r\nBcc: evil@example.com' },
      'subject: "a\\r\\nBcc: evil@example.com" has a line break',
    ],
    [
      'line break in an address',
      { recipient: 'a@b\r\nRCPT TO:<c@d>' },
      'recipient: "a@b\\r\\nRCPT TO:<c@d>" has a line break',
    ],
    ['address that is none', { cc: 'nobody' }, 'cc: "nobody" is no mail address'],
    ['time limit of nothing', { timeout: 0 }, 'expected a time limit from 1ms to 1d'],
    ['port in the server', { server: 'mail:99999' }, "server: 99999 in 'mail:99999' is no port"],
  ])('is named: %s', async (_what, change, message) => {
    const args = Object.fromEntries(Object.entries({ ...basic, ...change }).filter(([, value]) => value !== undefined))
    await expect(send(args, { smtp: { p: {} } })).rejects.toMatchObject({
      code: 'bad_argument',
      message: expect.stringContaining(message),
    })
  })
})

describe('encryption', () => {
  it('speaks TLS from the first byte where asked', async () => {
    const { port, mails } = await startSmtp({ secure: true, ...withLogin })
    const profile = { ...login, host: '127.0.0.1', port, tls: 'tls', ca: TEST_CERT, from: 'a@example.com' }
    await send({ profile: 'p', recipient: 'b@example.com', message: 'x' }, { smtp: { p: profile } })
    expect(mails[0]).toMatchObject({ secure: true, user: 'reactor' })
  })

  it('sends nothing to a server whose certificate is not trusted', async () => {
    const { port, mails } = await startSmtp()
    await expect(send({ ...basic, port, tls: 'starttls' })).rejects.toThrow(
      new RegExp(`mail server 127\\.0\\.0\\.1:${port} .*self-signed certificate`),
    )
    expect(mails).toEqual([])
  })

  it('takes any certificate where the profile says so', async () => {
    const { port, mails } = await startSmtp()
    const profile = { host: '127.0.0.1', port, tls: 'starttls', reject_unauthorized: false, from: 'a@example.com' }
    await send({ profile: 'p', recipient: 'b@example.com', message: 'x' }, { smtp: { p: profile } })
    expect(mails[0]!.secure).toBe(true)
  })

  it('sends nothing in the clear where STARTTLS is required and not offered', async () => {
    const { port, mails } = await startSmtp({ disabledCommands: ['STARTTLS'] })
    await expect(send({ ...basic, port, tls: 'starttls' })).rejects.toMatchObject({
      code: 'function_failed',
      message: expect.stringContaining(`127.0.0.1:${port} does not do TLS as asked (tls: starttls)`),
    })
    expect(mails).toEqual([])
  })
})

describe('a failure', () => {
  it('of the login has the reply of the server and never the password', async () => {
    const { port } = await startSmtp({ ...withLogin, allowInsecureAuth: true })
    const args = { ...basic, port, username: 'reactor', password: 'battery staple' }
    const error = await send(args).catch(thrown => thrown)
    expect(error.message).toContain(`mail server 127.0.0.1:${port} refused the login of 'reactor': 535`)
    expect(error.message).toContain('Invalid credentials [redacted]')
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('battery staple')
  })

  it('says so where a login was asked for and the server has none', async () => {
    const { port, mails } = await startSmtp({ disabledCommands: ['AUTH'] })
    await expect(send({ ...basic, port, ...login })).rejects.toThrow(/refused the login of 'reactor'/)
    expect(mails).toEqual([])
  })

  const pickyServer: SMTPServerOptions = {
    onRcptTo({ address }, _session, done) {
      if (address !== 'gone@example.com') return done()
      done(Object.assign(new Error('no such user'), { responseCode: 550 }))
    },
  }

  it('of some recipients names them and those who have the mail', async () => {
    const { port, mails } = await startSmtp(pickyServer)
    const error = await send({ ...basic, port, recipient: 'ops@example.com, gone@example.com' }).catch(thrown => thrown)
    expect(error).toMatchObject({
      code: 'function_failed',
      details: { accepted: ['ops@example.com'], rejected: ['gone@example.com'] },
    })
    expect(error.message).toContain('took the mail for ops@example.com, but refused gone@example.com: 550 no such user')
    expect(mails).toHaveLength(1)
  })

  it('of all recipients names them', async () => {
    const { port } = await startSmtp(pickyServer)
    await expect(send({ ...basic, port, recipient: 'gone@example.com' })).rejects.toThrow(
      'refused every recipient: gone@example.com: 550 no such user',
    )
  })

  it('to connect names the server', async () => {
    const port = await closedPort()
    await expect(send({ ...basic, port })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(new RegExp(`mail server 127\\.0\\.0\\.1:${port} cannot be used: .*ECONNREFUSED`)),
    })
  })

  it.each([
    ['before its greeting', undefined],
    ['after it', '220 slow ESMTP'],
  ])('to answer in time ends the call: a server that hangs %s', async (_when, greeting) => {
    const { port } = await startScripted(greeting, () => undefined)
    await expect(send({ ...basic, port, timeout: '100ms' })).rejects.toMatchObject({
      code: 'timeout',
      message: `mail server 127.0.0.1:${port} did not take the mail within 0.1s`,
    })
  })

  it('of the whole message has the reply of the server', async () => {
    const { port } = await startSmtp({
      onMailFrom: (_address, _session, done) => done(Object.assign(new Error('over quota'), { responseCode: 452 })),
    })
    await expect(send({ ...basic, port })).rejects.toThrow(
      `127.0.0.1:${port} refused the mail at MAIL FROM: 452 over quota`,
    )
  })

  it('ends the call when the job is stopped', async () => {
    const stop = new AbortController()
    const { port } = await startScripted('220 slow ESMTP', () => void stop.abort(new Error('job killed')))
    await expect(send({ ...basic, port }, { signal: stop.signal })).rejects.toThrow(/stopped: job killed/)
  })
})
