// The path of a request as segments of a tag. What two readers could read in two ways is refused, not mended.
import { type Refusal, refused } from './refusal.ts'

const MOST_PATH = 1000
/** A dot or a slash that hides behind a percent sign, and the control characters. */
const HIDDEN = /%(?:2e|2f|5c|25|[01][0-9a-f]|7f)/i
const PRINTABLE = /^[!"$-~]+$/
const FORBIDDEN = /[\p{Cc}\\]/u

/** Segments behind the first `/`, decoded; the query does not belong to it. */
export function readPath(target: string): string[] | Refusal {
  const bad = (why: string) => refused(400, 'invalid', `the path ${why}`)
  const path = target.split('?', 1)[0]!
  if (path.length > MOST_PATH) return refused(414, 'invalid', `the path has more than ${MOST_PATH} characters`)
  if (!path.startsWith('/')) return bad("must begin with '/'")
  if (!PRINTABLE.test(path)) return bad('has characters that must stand behind %, or a #')
  if (HIDDEN.test(path)) return bad('hides a dot, a slash, a percent sign or a control character behind %')
  const segments: string[] = []
  for (const raw of path.slice(1).split('/')) {
    let segment: string
    try {
      segment = decodeURIComponent(raw)
    } catch {
      return bad('is no UTF-8 behind its percent signs')
    }
    if (segment === '' && path !== '/') return bad('has an empty segment')
    if (segment === '.' || segment === '..') return bad('has a segment of dots')
    if (FORBIDDEN.test(segment)) return bad('has a control character or a backslash in it')
    segments.push(segment)
  }
  return segments
}
