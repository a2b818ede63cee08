// A fleet grows by hand: minions that nobody knows wait at the door, and are let in, thrown out and let in again.
import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createSeen, within } from '../helpers/wait.ts'
import { command, MAIN, ROOT, type Running, startReactor } from './reactor.ts'

/** The rules that docs/keys.md shows. */
async function rulesOfDocs(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/keys.md'), 'utf8')
  return [...text.matchAll(/^```yaml\n(rule: .*?)^```/gms)].map(match => match[1]).join('---\n')
}

let reactor: Running
beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reactor-e2e-'))
  const rules = join(dir, 'rules')
  await mkdir(rules)
  await writeFile(join(rules, 'accept.yaml'), await rulesOfDocs())
  reactor = await startReactor({ dir, rules, args: ['--id', 'web1'] })
})
afterAll(() => reactor.clean())

const folderOf = (id: string) => join(reactor.dir, 'others', id)

/** A minion beside the one of `up`, in a folder of its own; what it says, line by line. */
function startMinion(id: string, args: string[] = []) {
  const where = ['--id', id, '--dir', folderOf(id), '--server', reactor.ready.server]
  const child = spawn(process.execPath, [MAIN, 'minion', ...where, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said = createSeen<string>()
  createInterface(child.stderr).on('line', line => said.push(line))
  const ended = new Promise<number | null>(done => child.once('close', done))
  const stop = () => {
    child.kill('SIGTERM')
    return within(ended, `the end of the minion ${id}`)
  }
  onTestFinished(() => void stop())
  return { said, stop, ended, pid: child.pid }
}

const waits = (line: string) => line.includes('WARN') && line.includes('reactor key accept')
const isIn = (line: string) => line.includes('has let it in')
const lists = async () => JSON.parse((await reactor.run('key', 'list', '--json')).stdout)
const started = (id: string, after = 0) =>
  reactor.lines.find(
    line => line.tag === `salt/minion/${id}/start` && reactor.lines.items.indexOf(line) >= after,
    `the start of ${id}`,
  )
const ping = async (id: string) => (await reactor.run('call', id, 'test.ping')).stdout

describe('a second minion, by hand', () => {
  it('makes a key, waits, is seen, compared, accepted and at work', async () => {
    const minion = startMinion('web2')
    const line = await minion.said.find(waits, 'the word that it waits')
    const finger = /fingerprint ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})/.exec(line)?.[1]
    expect((await stat(join(folderOf('web2'), 'minion.nk'))).mode & 0o777).toBe(0o600)

    expect(await lists()).toMatchObject({ minions: ['web1'], minions_pre: ['web2'] })
    expect((await reactor.run('key', 'list')).stdout).toBe(
      'Accepted Keys:\nweb1\nDenied Keys:\nUnaccepted Keys:\nweb2\nRejected Keys:\n',
    )
    expect((await reactor.run('key', 'list', 'pending')).stdout).toBe('Unaccepted Keys:\nweb2\n')
    const shown = JSON.parse((await reactor.run('key', 'finger', 'web2', '--json')).stdout)
    expect(shown.minions_pre).toEqual({ web2: finger })
    expect(shown.local['master.pub']).toMatch(/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/)
    expect((await reactor.run('call', 'web2', 'test.ping')).code).toBe(2)

    const unasked = await reactor.run('key', 'accept', 'web2')
    expect(unasked).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('-y') })
    expect(unasked.stderr).toContain(`web2:  ${finger}`)
    expect(await lists()).toMatchObject({ minions_pre: ['web2'] })

    const accepted = await reactor.run('key', 'accept', 'web2', '-y')
    expect(accepted).toMatchObject({ code: 0, stdout: 'Key for minion web2 accepted.\n' })
    await minion.said.find(isIn, 'the word that it is in')
    await started('web2')
    expect(await ping('web2')).toBe('web2:\n    True\n')
    const own = await reactor.run('call', 'web2', 'key.finger', '--json')
    expect(JSON.parse(own.stdout)).toEqual({ web2: finger })
  })

  it('is cut off when its key is deleted, waits again, and works again once accepted, with no restart', async () => {
    const minion = startMinion('web2')
    await started('web2', reactor.lines.items.length)
    const before = reactor.lines.items.length
    expect((await reactor.run('key', 'delete', 'web2', '-y')).stdout).toBe('Key for minion web2 deleted.\n')
    await minion.said.find(waits, 'the word that it waits again')
    expect((await reactor.run('call', 'web2', 'test.ping')).code).toBe(2)
    await reactor.lines.find(
      ({ tag, data }) => tag === 'salt/auth' && data.act === 'pend' && data.id === 'web2',
      'the new key at the door',
    )
    expect((await reactor.run('key', 'accept', 'web*', '-y')).code).toBe(0)
    await started('web2', before)
    expect(await ping('web2')).toBe('web2:\n    True\n')
    expect(minion.said.items.filter(line => line.includes('WARN'))).toHaveLength(2)
  })

  it('that is rejected gets what it missed when it is accepted after all', async () => {
    const minion = startMinion('web2')
    await started('web2', reactor.lines.items.length)
    const rejected = await reactor.run('key', 'reject', 'web2', '--include-accepted', '-y')
    expect(rejected.stdout).toBe('Key for minion web2 rejected.\n')
    await minion.said.find(waits, 'the word that it waits again')
    expect(await lists()).toMatchObject({ minions: ['web1'], minions_rejected: ['web2'] })
    expect((await reactor.run('key', 'accept', 'web2', '-y')).code).toBe(1)

    const sent = await reactor.run('call', 'web2', 'test.echo', 'later', '--async', '--json')
    const { jid } = JSON.parse(sent.stdout)
    expect((await reactor.run('key', 'accept', 'web2', '--include-rejected', '-y')).code).toBe(0)
    const returned = await reactor.lines.find(({ tag }) => tag === `salt/job/${jid}/ret/web2`, 'the missed job')
    expect(returned.data).toMatchObject({ return: 'later', success: true })
  })

  it('does not take the place of another: a second key for its id is denied', async () => {
    const first = JSON.parse((await reactor.run('key', 'print', 'web1', '--json')).stdout)
    const twin = startMinion('web1')
    await twin.said.find(waits, 'the word that it waits')
    expect(await lists()).toMatchObject({ minions: ['web1', 'web2'], minions_denied: ['web1'] })
    expect(await ping('web1')).toBe('web1:\n    True\n')
    await twin.stop()
    const both = JSON.parse((await reactor.run('key', 'print', 'web1', '--json')).stdout)
    expect(both.minions).toEqual(first.minions)
    expect(both.minions_denied.web1).not.toBe(first.minions.web1)
  })
})

describe('minions that nobody waits for', () => {
  it('come in by a join token, as many as it has uses', async () => {
    const made = await reactor.run('token', 'create', '--ids', 'db*', '--uses', '1', '--expires', '10m')
    const token = made.stdout.trim()
    expect(made.stderr).toContain("whose id matches 'db*'")
    // In a file first: the token itself would be seen in the process list.
    expect(made.stderr).toMatch(/: reactor minion --join @FILE.*--join TOKEN/)
    const file = join(reactor.dir, 'token')
    await writeFile(file, made.stdout)
    const listed = await reactor.run('token', 'list')
    expect(listed.stdout).toMatch(/db\*/)
    expect(listed.stdout).not.toContain(token)

    startMinion('db1', ['--join', `@${file}`])
    await started('db1')
    expect(await lists()).toMatchObject({ minions: ['db1', 'web1', 'web2'] })
    const late = startMinion('db2', ['--join', token])
    await late.said.find(waits, 'the word that the second one waits')
    expect((await lists()).minions_pre).toContain('db2')
  })

  it('do not come in by a token that was revoked', async () => {
    const made = JSON.parse((await reactor.run('token', 'create', '--json')).stdout)
    expect((await reactor.run('token', 'revoke', made.name)).stdout).toBe(`Token ${made.name} revoked.\n`)
    expect(await reactor.run('token', 'revoke', made.name)).toMatchObject({ code: 1, stdout: '' })
    const late = startMinion('db3', ['--join', made.token])
    await late.said.find(waits, 'the word that it waits')
  })

  it.each(['auto1', 'known2'])('come in by a rule that accepts their keys: %s', async id => {
    startMinion(id)
    await started(id)
    expect(await ping(id)).toBe(`${id}:\n    True\n`)
  })

  it('do not come in by a rule for others', async () => {
    const other = startMinion('known3')
    await other.said.find(waits, 'the word that it waits')
    expect((await lists()).minions_pre).toContain('known3')
  })

  it('come in by a key that was made and accepted before they were there', async () => {
    const seed = join(reactor.dir, 'app1.nk')
    const made = await reactor.run('key', 'gen', 'app1', '--accept', '--out', seed, '--json')
    expect(JSON.parse(made.stdout)).toMatchObject({ id: 'app1', file: seed, accepted: true })
    expect((await stat(seed)).mode & 0o777).toBe(0o600)
    expect(made.stdout + made.stderr).not.toContain((await readFile(seed, 'utf8')).trim())
    startMinion('app1', ['--seed', seed])
    await started('app1')
    expect(await reactor.run('key', 'gen', 'app1', '--out', seed)).toMatchObject({ code: 73, stdout: '' })
  })
})

describe('what is wrong is said', () => {
  it('a key that others may read is not used', async () => {
    const seed = join(reactor.dir, 'open.nk')
    await reactor.run('key', 'gen', 'open1', '--out', seed)
    await chmod(seed, 0o644)
    const { code, stderr } = await command(['minion', '--id', 'open1', '--dir', folderOf('open1'), '--seed', seed])
    expect(stderr).toContain(`chmod 600 ${seed}`)
    expect(code).toBe(78)
  })

  it.each([
    [['key', 'accept'], 64, 'an id, a glob, or --all'],
    [['key', 'accept', 'nobody*', '-y'], 1, "'nobody*' matches no pending key"],
    [['key', 'delete', 'nobody', '-y'], 1, "'nobody' matches no key"],
    [['key', 'print', 'nobody'], 1, "'nobody' matches no key"],
    [['key', 'finger', 'nobody'], 1, "'nobody' matches no key"],
    [['key', 'gen', '../evil'], 64, 'is no id'],
    [['key', 'list', 'every'], 64, 'every'],
    [['token', 'create', '--uses', '0'], 64, 'uses'],
    [['token', 'create', '--expires', 'soon'], 64, 'soon'],
  ])('%j ends with %d', async (words, exit, why) => {
    const { code, stderr, stdout } = await reactor.run(...words)
    expect(stderr).toContain(why)
    expect(code).toBe(exit)
    expect(stdout.includes('Key for minion')).toBe(false)
  })
})
