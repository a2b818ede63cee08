// A minion that is in says of its events what caused them: rules that it names, and how many steps there were. Whatever it
// says can keep rules from reacting to that very event, and does nothing else.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DecisionBatch } from '../../src/protocol/reaction.ts'
import { createSeen } from '../helpers/wait.ts'
import { type Attacker, attackWith, block, expectWell, insider } from './attacker.ts'
import { type System, startSystem } from './system.ts'

const send = (tag: string) => `do:\n  - runner.event.send: { tag: "${tag}", data: { of: "{{ tag }}" } }\n`
const RULES = `
rule: any
on: own/**
${send('reacted/any')}---
rule: told
on: salt/alarm/**
${send('reacted/told')}---
rule: once
on: shared/**
throttle: { once_within: 1h }
${send('reacted/once')}---
rule: sharp
on: sharp/**
${send('reacted/sharp')}`
const RATE = 20

const core = insider('CORE')
let system: System
let evil: Attacker
let honest: Attacker
const suppressed = createSeen<string>()
beforeAll(async () => {
  system = await startSystem({
    rules: { 'rules.yaml': RULES },
    config: { react: { loop_rate: RATE } },
    alter: core.alter,
  })
  system.admin.subscribe('reactor.decision.done.>', {
    callback: (_, message) => {
      for (const { rule, reason, events } of message.json<DecisionBatch>().suppressed ?? [])
        for (const { tag } of events) suppressed.push(`${rule} ${reason} ${tag}`)
    },
  })
  await system.admin.flush()
  evil = attackWith(await system.attacker())
  honest = attackWith(await core.connect(system))
})
afterAll(async () => {
  await honest?.nc.close()
  await system?.stop()
})
afterEach(() => expectWell(system))

const fire = (who: Attacker, origin: string, tag: string, hops: number, chain: string) =>
  who.ask(
    `reactor.event.${origin}.${tag.replaceAll('/', '.')}`,
    '{}',
    block(`NATS/1.0\r\nReactor-Hops: ${hops}\r\nReactor-Chain: ${chain}\r\n\r\n`),
  )
const reaction = (rule: string, tag: string) =>
  system.events.find(event => event.tag === `reacted/${rule}` && event.data.of === tag, `${rule} on ${tag}`)
const cut = (rule: string, reason: string, tag: string) =>
  suppressed.find(one => one === `${rule} ${reason} ${tag}`, `${rule} to be cut on ${tag}`)

describe('a chain of causes that a minion invents', () => {
  it('is one alarm about the rule that was cut, with no word of the minion’s own in it', async () => {
    await fire(evil, 'evil', 'own/first', 1, 'any,$(touch /tmp/pwned)')
    await cut('any', 'loop', 'own/first')
    for (let n = 0; n < 30; n++) await fire(evil, 'evil', `own/x${n}`, 1, `any,invented-${n}`)
    await cut('any', 'loop', 'own/x29')
    await reaction('told', 'salt/alarm/loop/any')
    const alarms = system.events.items.filter(({ tag }) => tag.startsWith('salt/alarm/'))
    expect(alarms.map(({ tag }) => tag)).toEqual(['salt/alarm/loop/any'])
    expect(alarms[0]!.data).toMatchObject({ about: 'any', cycle: ['any', 'any'] })
    expect(JSON.stringify(system.events.items.filter(({ origin }) => origin.kind === 'service'))).not.toContain('pwned')
  })

  it('of thousands of signs cuts nobody off', async () => {
    await fire(evil, 'evil', 'own/long', 1, `any,${'$'.repeat(3900)}`)
    await cut('any', 'loop', 'own/long')
    await fire(evil, 'evil', 'own/after', 0, '')
    await reaction('any', 'own/after')
  })

  it('takes no throttle’s turn', async () => {
    await fire(evil, 'evil', 'shared/forged', 64, 'x')
    await cut('once', 'loop', 'shared/forged')
    await fire(honest, 'web1', 'shared/honest', 0, '')
    await reaction('once', 'shared/honest')
  })

  it('uses up nobody else’s rate', async () => {
    for (let n = 0; n < 3 * RATE; n++) await fire(evil, 'evil', `sharp/x${n}`, 1, 'z')
    await cut('sharp', 'loop', `sharp/x${3 * RATE - 1}`)
    await fire(honest, 'web1', 'sharp/honest', 2, 'deploy')
    await reaction('sharp', 'sharp/honest')
  })
})
