// `reactor reactions` as people and scripts use it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReactionDetail, ReactionView } from '../../src/protocol/reaction-view.ts'
import { within } from '../helpers/wait.ts'
import { command, type Ended, type Running, startReactor } from './reactor.ts'

let reactor: Running
let rules: string
beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'reactor-rules-'))
  await writeFile(join(rules, 'lost.yaml'), 'rule: lost\non: lost/*\ndo:\n  - local.test.ping: { tgt: nobody }\n')
  await writeFile(
    join(rules, 'fine.yaml'),
    'rule: fine\non: fine/*\ndo:\n  - runner.event.send: { tag: told, data: { password: hunter2 } }\n',
  )
  reactor = await startReactor({ args: ['--id', 'web1'], rules })
})
afterAll(async () => {
  await reactor.clean()
  await rm(rules, { recursive: true, force: true })
})

const run = (...words: string[]) => reactor.run('reactions', ...words)
const list = async (...words: string[]): Promise<ReactionView[]> =>
  JSON.parse((await run('list', '--json', ...words)).stdout).reactions

/** Asks until the reaction is as wanted; each ask is a command to its end. */
async function standing(key: string, state: string, attempt?: number): Promise<ReactionDetail> {
  let stopped = false
  let last: Ended | undefined
  const ask = async (): Promise<ReactionDetail> => {
    do {
      last = await run('show', key, '--json')
      const shown = last.code === 0 ? (JSON.parse(last.stdout) as ReactionDetail) : undefined
      if (shown?.state === state && shown.attempt === attempt) return shown
    } while (!stopped)
    throw new Error('nobody waits any more')
  }
  return within(ask(), `the state ${state} of ${key}`)
    .catch(error => {
      throw new Error(`${error}; at last ${JSON.stringify(last)}; ${reactor.said.items.join('\n')}`)
    })
    .finally(() => {
      stopped = true
    })
}

/** Fires an event for a rule; the key of the reaction. */
async function react(tag: string, rule: string): Promise<string> {
  const { stdout } = await reactor.run('send', tag, '{"n": 1}')
  return `${/as event (\S+)/.exec(stdout)![1]}/${rule}`
}

async function park(tag: string): Promise<string> {
  const key = await react(tag, 'lost')
  await standing(key, 'parked')
  return key
}

describe('reactor reactions', () => {
  it('lists what waits for a person first, with what to do about it', async () => {
    const key = await park('lost/a')
    await standing(await react('fine/a', 'fine'), 'done')
    const { code, stdout, stderr } = await run('list')
    expect(code).toBe(0)
    const [head, first] = stdout.split('\n')
    expect(head).toMatch(/^KEY +AGE +STATE +EVENT +WHY$/)
    expect(first!.split(/ {2,}/)).toEqual([
      key,
      expect.any(String),
      'parked',
      'lost/a',
      expect.stringContaining('nobody'),
    ])
    expect(stderr).toMatch(/waiting for a person: 1 parked: retry or drop/)
  })

  it('shows one with its event and its actions', async () => {
    const key = await park('lost/b')
    const { stdout } = await run('show', key)
    expect(stdout).toMatch(/^key +\S+\/lost$/m)
    expect(stdout).toMatch(/^state +parked$/m)
    expect(stdout).toContain('"n": 1')
    expect(stdout).toContain('local.test.ping nobody')
    expect(JSON.parse((await run('show', key, '--json')).stdout)).toMatchObject({
      ...{ key, state: 'parked', tag: 'lost/b', cause: { data: { n: 1 }, origin: '_user-admin' } },
      actions: [{ fun: 'test.ping', tgt: 'nobody' }],
    })
    const none = await run('show', 'none/lost')
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no reaction 'none/lost'")])
  })

  it('retries and drops by key, and says what it did', async () => {
    const key = await park('lost/c')
    expect(await run('retry', key)).toMatchObject({ code: 0, stdout: `${key}: attempt 2 runs now\n` })
    await standing(key, 'parked', 2)
    expect(await run('drop', key)).toMatchObject({ code: 0, stdout: `${key}: dropped\n` })
    const denied = await run('deny', key, 'none/lost', '--json')
    expect(denied.code).toBe(1)
    expect(JSON.parse(denied.stdout).results).toMatchObject([
      { key, ok: false, was: 'dropped' },
      { key: 'none/lost', ok: false, was: null },
    ])
    expect((await standing(key, 'dropped', 2)).history[0]).toMatchObject({ by: 'admin', attempt: 2 })
  })

  it('works on all that filters mean, once it may', async () => {
    const key = await park('lost/d')
    const unasked = await run('drop', '--rule', 'lost')
    expect([unasked.code, unasked.stderr]).toEqual([64, expect.stringContaining('give -y to answer yes')])
    expect(unasked.stderr).toContain(key)
    const { code, stdout } = await run('drop', '--rule', 'lost', '--state', 'parked', '-y', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).results.map((one: { key: string }) => one.key)).toContain(key)
    const none = await run('retry', '--rule', 'lost', '--since', '2020-01-01', '-y')
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/no reaction that fits is parked/)])
  })

  it('filters, and counts by rule', async () => {
    await park('lost/e')
    await standing(await react('fine/b', 'fine'), 'done')
    expect((await list('--rule', 'lost', '--state', 'parked')).map(({ tag }) => tag)).toContain('lost/e')
    expect((await list('--rule', 'fine')).every(({ rule }) => rule === 'fine')).toBe(true)
    expect(await list('--until', '2020-01-01')).toEqual([])
    const { rules: counts } = JSON.parse((await run('counts', '--json', '--rule', 'lost')).stdout)
    expect(counts).toMatchObject([{ rule: 'lost', last_error: { reason: expect.stringContaining('nobody') } }])
    expect(counts[0].states.parked).toBeGreaterThan(0)
    const both = JSON.parse((await run('counts', '--json', '--rule', 'lost', '--rule', 'fine')).stdout)
    expect(both.rules.map(({ rule }: { rule: string }) => rule)).toEqual(['fine', 'lost'])
    expect((await run('counts')).stdout).toMatch(/^RULE +DONE +RETRYING +PARKED/)
  })

  it('counts all that wait for a person, however few it shows, and does not call those the newest', async () => {
    await park('lost/f')
    await park('lost/g')
    await standing(await react('fine/c', 'fine'), 'done')
    const parked = await list('--state', 'parked')
    const { stdout, stderr } = await run('list', '--limit', '1')
    expect(stdout.match(/\bparked\b/g)).toHaveLength(1)
    expect(stderr).toContain(`waiting for a person: ${parked.length} parked: retry or drop`)
    expect(stderr).toMatch(/^only 1 shown; --limit shows more$/m)
    expect((await run('list', '--rule', 'lost', '--limit', '1')).stderr).toBe('the newest 1; --limit shows more\n')
  })

  it('says what is wrong with its words', async () => {
    for (const words of [
      ['list', '--state', 'burnt'],
      ['list', '--since', 'soon'],
      ['list', '--since', '1m', '--until', '1h'],
      ['drop'],
      ['drop', 'a/r', '--rule', 'r'],
      ['retry', '--state', 'done'],
      ['show'],
    ])
      expect([words, (await run(...words)).code]).toEqual([words, 64])
    const help = await command(['reactions', '--help'])
    expect(help.stdout).toMatch(/Exit codes: 0, 1 there is no such reaction/)
  })
})
