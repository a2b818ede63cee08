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
import { AGAIN_MS, type Deliveries, type Delivery, type Hold } from './deliveries.ts'
import type { PutBack } from './put-back.ts'
import type { Fit, Shares } from './shares.ts'

export interface IntakeParts {
  ledger: Pick<Ledger, 'has' | 'retrying'>
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
  /** Takes one that lies where no consumer hands it out; false where it is in hand. `ended` hears whether it is settled. */
  take(reaction: Reaction, ended: (settled: boolean) => void): boolean
  begin(item: Item): void
  /** Its actions have run, or it needs none: more of its rule are read. */
  ran(item: Item): void
  /** It is settled; given milliseconds, it is to come again after them. */
  end(item: Item, againMs?: number): void
  /** This attempt of it is decided, and the next is run from the same message. */
  goOn(item: Item, next: Reaction): void
  /** What waits may have been done by another meanwhile. */
  doubt(): void
  /** Attempts that have begun and are not settled. */
  running(): string[]
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

  const tell = (rule: string) => {
    if (full.has(rule)) return
    full.add(rule)
    alarms.raise('lane', rule, { rule, ...shares.read().find(each => each.rule === rule) })
  }
  const emptied = (rule: string) => {
    if (full.delete(rule)) alarms.clear('lane', rule)
  }

  const turnAway = (lane: LaneClass, message: JsMsg, rule: string, fit: Fit) => {
    const bytes = message.data.length
    if (fit === 'lane') tell(rule)
    // What was out before is looked at more closely, and only its own message tells that.
    if (fit === 'all' || lane === 'slow' || moving > MOST_MOVING || putBack.wasOut(message))
      return putBack.later(message, shares.roomWithin(rule, lane))
    moving += bytes
    void putBack.toSlow(message, rule).finally(() => {
      moving -= bytes
    })
  }

  const attach = (item: Item, delivery: Hold) => {
    item.deliveries.push(delivery)
    if (item.running) delivery.begin()
  }

  const takeIn = (reaction: Reaction, delivery: Hold, again: boolean, backlog: Backlog) => {
    const key = workKey(reaction.event.id, reaction.rule)
    const id = attemptKey(key, reaction.attempt)
    const there = inHand.get(id)
    if (there) {
      attach(there, delivery)
      return true
    }
    // What was out before goes the whole way, as does one whose retry may not have been stored.
    if (!again && ledger.has(id) && !ledger.retrying(id)) return false
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

  /** Of many rules: the parts whose lanes have room are taken, the others are stored again, rule by rule. */
  const onMixed = (lane: LaneClass, message: JsMsg) => {
    const byRule = readMixed(message, log)
    if (!byRule) return message.term('no reactions')
    const share = Math.ceil(message.data.length / Math.max(1, byRule.size))
    const part = 1 / Math.max(1, byRule.size)
    const fits = new Map([...byRule.keys()].map(rule => [rule, shares.fits(rule, lane, share)]))
    if ([...fits.values()].includes('all')) return putBack.later(message)
    const apart: Reaction[] = []
    for (const [rule, fit] of fits) {
      if (fit === 'yes') continue
      tell(rule)
      for (const reaction of byRule.get(rule) ?? []) apart.push(reaction)
      byRule.delete(rule)
    }
    const delivery = deliveries.open(message, () => {
      for (const rule of byRule.keys()) if (shares.give(rule, lane, share, part)) emptied(rule)
    })
    const again = putBack.wasOut(message)
    const items: Item[] = []
    let expected = 0
    for (const [rule, reactions] of byRule) {
      shares.take(rule, lane, share, part)
      const backlog = backlogOf(rule)
      for (const reaction of reactions) {
        const taken = takeIn(reaction, delivery, again, backlog)
        if (taken) expected += 1
        if (typeof taken === 'object') items.push(taken)
      }
    }
    // What is stored apart is one more that settles it.
    delivery.expect(expected + (apart.length > 0 ? 1 : 0))
    if (apart.length > 0) {
      delivery.begin()
      void putBack.apart(message, apart).then(stored => delivery.end(stored ? undefined : AGAIN_MS))
    }
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
        if (shares.give(rule, lane, bytes)) emptied(rule)
      })
      const backlog = backlogOf(rule)
      backlog.unread.push({ delivery, again: putBack.wasOut(message) })
      readOn(rule, backlog)
    },
    take(reaction, ended) {
      if (inHand.has(attemptKey(workKey(reaction.event.id, reaction.rule), reaction.attempt))) return false
      const hold: Hold = {
        begin: () => undefined,
        pause: () => undefined,
        end: againMs => ended(againMs === undefined),
      }
      const item = takeIn(reaction, hold, true, backlogOf(reaction.rule))
      if (typeof item === 'object') push(item)
      return true
    },
    begin(item) {
      // A process that stood still goes on with what waited before its own timers fire.
      deliveries.check()
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
    end(item, againMs) {
      inHand.delete(item.id)
      for (const delivery of item.deliveries) delivery.end(againMs)
    },
    goOn(item, reaction) {
      inHand.delete(item.id)
      const id = attemptKey(item.key, reaction.attempt)
      const there = inHand.get(id)
      for (const delivery of item.deliveries) {
        delivery.pause()
        if (there) attach(there, delivery)
      }
      if (there) return
      // Another may be about it: it is looked at as one that was out before.
      const next: Item = { ...item, id, reaction, running: false, again: true }
      inHand.set(id, next)
      backlogOf(reaction.rule).live += 1
      push(next)
    },
    doubt() {
      for (const item of inHand.values()) item.doubted = true
    },
    running: () => [...inHand.values()].filter(({ running }) => running).map(({ id }) => id),
  }
}
