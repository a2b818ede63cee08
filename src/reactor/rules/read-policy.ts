// How a rule's reactions are ordered and executed, read from a rule file: everything that is neither about which events nor
// about which calls.
import { type Path, type Report, show } from './path.ts'
import { readFlag, readInt, readMap, readSpan, readWord } from './read-values.ts'
import { MODES, ON_UNKNOWN, type RuleDocument } from './schema.ts'

type Policy = Pick<
  RuleDocument,
  'mode' | 'priority' | 'stop' | 'recursion' | 'retry' | 'concurrency' | 'lane' | 'max_targets' | 'on_unknown'
>

const RETRY = '{ attempts: 5, backoff: 2s..5m }'
const BACKOFF: [number, number] = [1000, 300_000]

export function readPolicy(document: Record<string, unknown>, report: Report): Policy {
  const mode = readWord(document.mode, ['mode'], MODES, report)
  const priority = readInt(document.priority, ['priority'], Number.MIN_SAFE_INTEGER, report)
  const stop = readFlag(document.stop, ['stop'], report)
  const recursion = readInt(document.recursion, ['recursion'], 0, report)
  const retry = readRetry(document.retry, report)
  const concurrency = readInt(document.concurrency, ['concurrency'], 1, report)
  const lane = readWord(document.lane, ['lane'], ['slow'], report)
  const max_targets = readMaxTargets(document.max_targets, report)
  const on_unknown = readWord(document.on_unknown, ['on_unknown'], ON_UNKNOWN, report)
  return {
    ...(mode && { mode }),
    ...(priority !== undefined && { priority }),
    ...(stop && { stop }),
    ...(recursion !== undefined && { recursion }),
    ...(retry && { retry }),
    ...(concurrency !== undefined && { concurrency }),
    ...(lane && { lane }),
    ...(max_targets !== undefined && { max_targets }),
    ...(on_unknown && { on_unknown }),
  }
}

function readRetry(value: unknown, report: Report): RuleDocument['retry'] {
  if (value === undefined) return undefined
  const retry = readMap(value, ['retry'], ['attempts', 'backoff'], RETRY, report)
  if (!retry) return undefined
  if (retry.attempts === undefined)
    report(['retry'], "'attempts' is missing in 'retry': how many in all, such as 5", 'key')
  const attempts = readInt(retry.attempts, ['retry', 'attempts'], 1, report)
  const backoff = retry.backoff === undefined ? BACKOFF : readBackoff(retry.backoff, ['retry', 'backoff'], report)
  return attempts === undefined || !backoff ? undefined : { attempts, backoff }
}

/** `2s..5m`, or one duration for every wait. */
function readBackoff(value: unknown, path: Path, report: Report): [number, number] | undefined {
  const [first, last, ...more] = typeof value === 'string' ? value.split('..') : [value]
  if (more.length > 0 || first === '' || last === '') {
    report(path, `'backoff' is a duration, or the shortest and the longest wait as 2s..5m, got ${show(value)}`)
    return undefined
  }
  const shortest = readSpan(first, path, report)
  const longest = last === undefined ? shortest : readSpan(last, path, report)
  if (shortest === undefined || longest === undefined) return undefined
  if (shortest <= longest) return [shortest, longest]
  report(path, `'backoff' goes from the shortest wait to the longest, got ${show(value)}`)
  return undefined
}

function readMaxTargets(value: unknown, report: Report): number | string | undefined {
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  if (typeof value === 'string' && /^(?:100|\d{1,2})%$/.test(value)) return value
  report(['max_targets'], `'max_targets' is a number of minions or a share such as 10%, got ${show(value)}`)
  return undefined
}
