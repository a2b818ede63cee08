// What becomes of an event or a decision: lines for people, objects for programs, or a count of replies.

import { cleanJson, cleanText } from '../base/clean.ts'
import type { Clock } from '../base/clock.ts'
import { errorMessage } from '../base/errors.ts'
import type { SeenEvent } from '../cache/history.ts'
import { createPaint } from './colour.ts'
import { decisionText, type SeenDecision } from './decision.ts'
import { dataLines, eventLine, malformedLine } from './line.ts'
import { createReplyCount, replyLine } from './reply-count.ts'
import type { Threaded } from './thread.ts'
import { cut, cutMiddle, displayWidth, wrap } from './width.ts'

export interface OutputOptions {
  json?: boolean
  /** The data as indented JSON below each line. */
  data?: boolean
  /** Count the minions that returned this function, and show nothing else. */
  func?: string
  colour?: boolean
  /** Width of the terminal, asked for before each line; undefined where there is none. */
  columns?: () => number | undefined
}

export interface OutputParts {
  options: OutputOptions
  /** Takes one line, or several, without the last line end. */
  write(text: string): void
  notice(line: string): void
  clock: Clock
}

export interface Output {
  /** Tells whether the event was shown, and so counts. */
  event(event: SeenEvent, past: boolean): boolean
  malformed(problem: string, storedMs: number): void
  decision(threaded: Threaded): void
}

const MAX_REASON_LINES = 8
/** Where there is no terminal a line may be this long. */
const NO_TERMINAL_COLUMNS = 200

export function createOutput({ options, write, notice, clock }: OutputParts): Output {
  const paint = createPaint(options.colour === true)
  const columns = () => Math.max(20, options.columns?.() ?? NO_TERMINAL_COLUMNS)
  const style = () => ({ paint, columns: columns(), now: clock.now() })
  const countReply = options.func === undefined ? undefined : createReplyCount(options.func)

  const malformed = (problem: string, storedMs: number) => {
    if (options.json) notice(`a malformed event is passed over: ${cleanText(problem)}`)
    else write(malformedLine(problem, storedMs, style()))
  }
  const eventText = (event: SeenEvent, past: boolean): string => {
    const { tag, data, origin, stamp, id } = event
    if (options.json) return cleanJson({ tag, data, origin, stamp, id })
    const lines = [eventLine(event, past, style())]
    if (options.data) lines.push(...dataLines(data, paint))
    return lines.join('\n')
  }

  return {
    event(event, past) {
      if (countReply) {
        const reply = countReply(event)
        if (reply) write(options.json ? cleanJson(reply) : replyLine(reply))
        return reply !== undefined
      }
      try {
        write(eventText(event, past))
        return true
      } catch (error) {
        // JSON nested too deep to be written again: a sender can make that, and it must not end the tail.
        malformed(`event '${event.tag}' of ${event.origin} cannot be shown: ${errorMessage(error)}`, clock.now())
        return false
      }
    },
    malformed,
    decision({ decision, of }) {
      if (options.json) return write(cleanJson({ reaction: jsonOf(decision) }))
      const width = columns()
      const name = of
        ? of.tag === undefined
          ? 'an earlier event'
          : cutMiddle(cleanText(of.tag), Math.floor(width * 0.4))
        : ''
      const after = name ? ` ← ${name}` : ''
      const { style: shade, text } = decisionText(decision, width, clock.now())
      // Why a reaction failed, or waits for a person, is what a person needs: it is wrapped, and not cut.
      const lines =
        shade === 'bad' || shade === 'auth'
          ? wrap(text, width - 4, MAX_REASON_LINES)
          : [cut(text, width - 4 - displayWidth(after))]
      const fits = displayWidth(lines.at(-1)!) + displayWidth(after) <= width - 4
      const painted = lines.map((line, n) => `${n === 0 ? paint('dim', '  └ ') : '    '}${paint(shade, line)}`)
      write(`${painted.join('\n')}${fits ? '' : '\n   '}${paint('dim', after)}`)
    },
  }
}

/** A decision as one object, its `state` first: stored, suppressed, parked, held, or what the ledger says. */
function jsonOf(seen: SeenDecision): object {
  if (seen.state !== 'ended') return seen
  const { rule, event, decision } = seen
  const { state, key, ms, jids, reason, attempt, next, by } = decision
  const given = Object.entries({ reason, attempt, next, by }).filter(([, value]) => value !== undefined)
  return { state, rule, event, key, ms, jids, ...Object.fromEntries(given) }
}
