// Takes messages of REACTIONS in: what is decided is skipped, what is in hand already waits for that, and what is beyond the
// share of its lane is put back.
import type { JsMsg } from '@nats-io/jetstream'
import type { Alarms } from '../../alarms/alarms.ts'
import type { Log } from '../../base/log.ts'
import { attemptKey, MIXED, type Reaction, workKey } from '../../protocol/reaction.ts'
import type { LaneClass } from '../../protocol/subject.ts'
import { unescapeToken } from '../../protocol/token.ts'
import type { Lanes } from '../lanes.ts'
import type { Ledger } from '../ledger.ts'
import { type Item, readBatch, readMixed } from './batch.ts'
import type { Deliveries, Delivery } from './deliveries.ts'
import type { PutBack } from './put-back.ts'
import type { Fit, Shares } from './shares.ts'

export interface IntakeParts {
  ledger: Pick<Ledger, 'has'>
  lanes: Lanes<Item>
  deliveries: Deliveries
  shares: Shares
  putBack: PutBack
  alarms: Alarms
  /** Reactions of one rule that run at once, unless the rule says. */
  concurrency: number
  /** The server may have forgotten what was acked: its link was lost a moment ago. */
  doubts(): boolean
  log: Log
}

export interface Intake {
  onMessage(lane: LaneClass, message: JsMsg): void
  begin(item: Item): void
  /** Its actions have run, or it needs none: more of its rule are read. */
  ran(item: Item): void
  /** It is settled. */
  end(item: Item, recorded: boolean): void
}

interface Backlog {
  /** Messages that are in hand and not read yet, from `head` on: as bytes they are a fraction of what they are as objects. */
  unread: { delivery: Delivery; again: boolean }[]
  head: number
  /** Reactions of the rule that wait or run. */
  live: number
}

/** Reactions of one lane that wait as objects; more are read as they run out. */
const LIVE = 400
const MOST_MOVING = 8 * 1024 ** 2

export function createIntake(parts: IntakeParts): Intake {
  const { ledger, lanes, deliveries, shares, putBack, alarms, log } = parts
  /** By attempt. */
  const inHand = new Map<string, Item>()
  const backlogs = new Map<string, Backlog>()
  /** Rules whose lane has been over its share since it was last empty. */
  const full = new Set<string>()
  /** Bytes on their way to the slow class. */
  let moving = 0

  const turnAway = (lane: LaneClass, message: JsMsg, rule: string, fit: Fit) => {
    const bytes = message.data.length
    if (fit === 'lane' && !full.has(rule)) {
      full.add(rule)
      alarms.raise('lane', rule, { rule, ...shares.read().find(each => each.rule === rule) })
    }
    // What was out before is looked at more closely, and only its own message tells that.
    if (fit === 'all' || lane === 'slow' || moving > MOST_MOVING || putBack.wasOut(message))
      return putBack.later(message, shares.roomWithin(rule, lane))
    moving += bytes
    void putBack.toSlow(message, rule).finally(() => {
      moving -= bytes
    })
  }

  const attach = (item: Item, delivery: Delivery) => {
    item.deliveries.push(delivery)
    if (item.running) delivery.begin()
  }

  const takeIn = (reaction: Reaction, delivery: Delivery, again: boolean, backlog: Backlog) => {
    const key = workKey(reaction.event.id, reaction.rule)
    const id = attemptKey(key, reaction.attempt)
    const there = inHand.get(id)
    if (there) {
      attach(there, delivery)
      return true
    }
    // What was out before goes the whole way, as its retry may not have been stored.
    if (!again && ledger.has(id)) return false
    const item: Item = { id, key, reaction, deliveries: [delivery], running: false, again, doubted: parts.doubts() }
    inHand.set(id, item)
    backlog.live += 1
    return item
  }

  const read = (rule: string, backlog: Backlog, delivery: Delivery, again: boolean) => {
    const { message } = delivery
    const taken = readBatch(message, log, rule)?.map(reaction => takeIn(reaction, delivery, again, backlog))
    if (!taken) message.term('no reactions')
    delivery.expect(taken?.filter(Boolean).length ?? 0)
    for (const item of taken ?? []) if (typeof item === 'object') push(item)
  }

  const backlogOf = (rule: string): Backlog => {
    let backlog = backlogs.get(rule)
    if (!backlog) {
      backlog = { unread: [], head: 0, live: 0 }
      backlogs.set(rule, backlog)
    }
    return backlog
  }

  /** Of many rules: taken as a whole where each lane has room for its part, else stored again, rule by rule. */
  const onMixed = (lane: LaneClass, message: JsMsg) => {
    const byRule = readMixed(message, log)
    if (!byRule) return message.term('no reactions')
    const share = Math.ceil(message.data.length / Math.max(1, byRule.size))
    const fits = [...byRule.keys()].map(rule => shares.fits(rule, lane, share))
    if (fits.includes('all')) return putBack.later(message)
    if (fits.includes('lane')) return void putBack.apart(lane, message, byRule)
    const delivery = deliveries.open(message, () => {
      for (const rule of byRule.keys()) if (shares.give(rule, lane, share)) full.delete(rule)
    })
    const again = putBack.wasOut(message)
    const items: Item[] = []
    let expected = 0
    for (const [rule, reactions] of byRule) {
      shares.take(rule, lane, share)
      const backlog = backlogOf(rule)
      for (const reaction of reactions) {
        const taken = takeIn(reaction, delivery, again, backlog)
        if (taken) expected += 1
        if (typeof taken === 'object') items.push(taken)
      }
    }
    delivery.expect(expected)
    for (const item of items) push(item)
  }

  const push = (item: Item) =>
    lanes.push(item.reaction.rule, item, item.reaction.policy?.concurrency ?? parts.concurrency)

  const readOn = (rule: string, backlog: Backlog) => {
    const { unread } = backlog
    while (backlog.live < LIVE && backlog.head < unread.length) {
      const { delivery, again } = unread[backlog.head]!
      backlog.head += 1
      read(rule, backlog, delivery, again)
    }
    if (backlog.head === unread.length) {
      unread.length = 0
      backlog.head = 0
      if (backlog.live === 0) backlogs.delete(rule)
    } else if (backlog.head > 1024) {
      unread.splice(0, backlog.head)
      backlog.head = 0
    }
  }

  return {
    onMessage(lane, message) {
      const { subject } = message
      const rule = unescapeToken(subject.slice(subject.lastIndexOf('.') + 1))
      if (rule === MIXED) return onMixed(lane, message)
      const bytes = message.data.length
      const fit = shares.fits(rule, lane, bytes)
      if (fit !== 'yes') return turnAway(lane, message, rule, fit)
      shares.take(rule, lane, bytes)
      const delivery = deliveries.open(message, () => {
        if (shares.give(rule, lane, bytes)) full.delete(rule)
      })
      const backlog = backlogOf(rule)
      backlog.unread.push({ delivery, again: putBack.wasOut(message) })
      readOn(rule, backlog)
    },
    begin(item) {
      item.running = true
      for (const delivery of item.deliveries) delivery.begin()
    },
    ran(item) {
      const { rule } = item.reaction
      const backlog = backlogs.get(rule)
      if (!backlog) return
      backlog.live -= 1
      if (backlog.live <= LIVE / 2) readOn(rule, backlog)
    },
    end(item, recorded) {
      inHand.delete(item.id)
      for (const delivery of item.deliveries) delivery.end(recorded)
    },
  }
}
