// Each rule that ships is exercised through the real processes, with real mail, HTTP and a real service.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { json, startHttp } from '../alerts/http-test-server.ts'
import { startSmtp } from '../alerts/smtp-test-server.ts'
import { type Running, SHIPPED_RULES, startReactor, type UpSettings } from './reactor.ts'

describe('the rules that ship', () => {
  it('hello: an event meets a reaction of each kind', async () => {
    const reactor = await reactorForTest()
    await reactor.run('send', 'hello/world', '{"name": "Ada"}')
    const echoed = await reactor.lines.find(
      ({ tag, data }) => /^salt\/job\/\d+\/ret\/web1$/.test(tag) && data.fun === 'test.echo',
      'the return of test.echo',
    )
    expect(echoed.data).toMatchObject({
      id: 'web1',
      fun: 'test.echo',
      fun_args: ['hello Ada'],
      return: 'hello Ada',
      retcode: 0,
      success: true,
      cmd: '_return',
    })
    const sent = await reactor.lines.find(({ tag }) => tag === 'greeting/sent', 'the event that the runner sends')
    expect(sent).toMatchObject({ data: { to: 'Ada', by: '_user-admin' }, origin: '_jobs' })
    const wheel = await reactor.lines.find(
      ({ tag }) => /^salt\/wheel\/\d+\/ret$/.test(tag),
      'the return of the wheel function',
    )
    expect(wheel.data).toMatchObject({
      fun: 'wheel.minions.connected',
      return: ['web1'],
      success: true,
      user: 'rule:hello',
    })
  })

  it('minion-started: a minion leaves its inventory when it starts', async () => {
    const reactor = await reactorForTest()
    const inventory = await reactor.run('tail', 'fleet/inventory', '--since', '1h', '--count', '1', '--json')
    expect(JSON.parse(inventory.stdout)).toMatchObject({
      tag: 'fleet/inventory',
      origin: 'web1',
      data: {
        id: 'web1',
        cmd: '_minion_event',
        data: { grains: { kernel: expect.any(String), num_cpus: expect.any(Number) } },
      },
    })
  })

  it('job-failed: a failed job is mailed', async () => {
    const smtp = await startSmtp()
    const reactor = await reactorForTest({
      config: {
        profiles: {
          smtp: {
            'ops-mail': {
              host: '127.0.0.1',
              port: smtp.port,
              from: 'reactor@example.com',
              to: 'ops@example.com',
              tls: 'none',
            },
          },
        },
      },
    })
    const failed = await reactor.run('call', '*', 'test.fail', 'the disk is on fire')
    expect(failed).toMatchObject({ code: 1, stderr: 'ERROR: Minions returned with non-zero exit code\n' })
    await reactor.lines.find(
      ({ tag, data }) => /^salt\/run\/\d+\/ret$/.test(tag) && data.fun === 'runner.smtp.send_msg',
      'the return of smtp.send_msg',
    )
    expect(smtp.mails).toHaveLength(1)
    expect(smtp.mails[0]).toMatchObject({ from: 'reactor@example.com', to: ['ops@example.com'] })
    expect(smtp.mails[0]!.raw).toContain('Subject: test.fail failed on web1')
    expect(smtp.mails[0]!.raw).toContain('the disk is on fire')
    expect(smtp.mails[0]!.raw).toMatch(/^Message-ID: <[^>]+>/m)
  })

  it('deploy-hook: a deploy is posted as JSON, with an Idempotency-Key, and a test deploy is not', async () => {
    const http = await startHttp(json({ ok: true }))
    const reactor = await reactorForTest({
      config: { profiles: { http: { 'deploy-hook': { url: `${http.url}/hook`, bearer: 'a-long-secret-token' } } } },
    })
    await reactor.run('send', 'myapp/deploy/test', '{"version": "0"}')
    await reactor.run('send', 'myapp/deploy/done', '{"version": "1.4.2"}')
    const returned = await reactor.lines.find(
      ({ tag, data }) => /^salt\/run\/\d+\/ret$/.test(tag) && data.fun === 'runner.http.query',
      'the return of http.query',
    )
    expect(returned.data).toMatchObject({ success: true, return: { status: 200 } })
    expect(http.seen.map(({ method, url }) => ({ method, url }))).toEqual([{ method: 'POST', url: '/hook' }])
    expect(JSON.parse(http.seen[0]!.body)).toEqual({ text: 'done: version 1.4.2', version: '1.4.2', by: '_user-admin' })
    expect(http.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer a-long-secret-token',
      'idempotency-key': expect.stringMatching(/.+/),
    })
    expect(JSON.stringify(reactor.lines.items)).not.toContain('a-long-secret-token')
  })

  it('service-down: a service that goes down is started again on its minion', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-initd-'))
    onTestFinished(() => rm(dir, { recursive: true, force: true }))
    const [up, log] = [join(dir, 'up.pid'), join(dir, 'log')]
    // It runs as long as there is the file.
    await writeFile(
      join(dir, 'nginx'),
      `#!/bin/sh\ncase "$1" in status) [ -e ${up} ] || exit 3;; restart) echo "$1" >> ${log}; : > ${up};; esac\n`,
    )
    await chmod(join(dir, 'nginx'), 0o755)
    await writeFile(up, '')
    const reactor = await reactorForTest({
      config: {
        minion: {
          module_config: { service: { init_dir: dir } },
          beacons: { service: [{ services: { nginx: { onchangeonly: true } } }, { interval: 0.2 }] },
        },
      },
    })
    const told = (running: boolean, after = 0) =>
      reactor.lines.find(
        line =>
          reactor.lines.items.indexOf(line) >= after &&
          line.tag === 'salt/beacon/web1/service/nginx' &&
          line.data.running === running,
        `the beacon that says ${running}`,
      )
    // What it was at the start may have been told before anybody listened.
    const { length } = reactor.lines.items
    await rm(up)
    const down = await told(false, length)
    expect(down).toMatchObject({
      origin: 'web1',
      data: { id: 'web1', service_name: 'nginx', running: false, nginx: { running: false } },
    })
    const returned = await reactor.lines.find(
      ({ tag, data }) => tag.endsWith('/ret/web1') && data.fun === 'service.restart',
      'the return of service.restart',
    )
    expect(returned.data).toMatchObject({ success: true, return: true, fun_args: ['nginx'] })
    await told(true, reactor.lines.items.indexOf(down))
    expect(await readFile(log, 'utf8')).toBe('restart\n')
  })

  it('disk-full: a file system that is as full as its limit is mailed', async () => {
    const smtp = await startSmtp()
    const { port } = smtp
    const mail = { host: '127.0.0.1', port, from: 'reactor@example.com', to: 'ops@example.com', tls: 'none' }
    const reactor = await reactorForTest({
      config: { profiles: { smtp: { 'ops-mail': mail } }, minion: { beacons: { diskusage: [{ '/': '0%' }] } } },
    })
    await reactor.lines.find(
      ({ tag, data }) => /^salt\/run\/\d+\/ret$/.test(tag) && data.fun === 'runner.smtp.send_msg',
      'the return of smtp.send_msg',
    )
    expect(smtp.mails).toHaveLength(1)
    expect(smtp.mails[0]!.raw).toMatch(/^Subject: \/ on web1 is [\d.]+ % full/m)
  })
})

async function reactorForTest(settings: UpSettings = {}): Promise<Running> {
  const reactor = await startReactor({ rules: SHIPPED_RULES, ...settings, args: ['--id', 'web1'] })
  onTestFinished(() => reactor.clean())
  return reactor
}
