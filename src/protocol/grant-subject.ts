// The globs of tags that a role may name, as subject patterns: NATS itself enforces them, so only what a subject can say
// will do. A tag's literal segments are escaped as in the subjects of events.
import { ReactorError } from '../base/errors.ts'
import { escapeToken } from './token.ts'

/** What no single token of a subject pattern says. */
const NO_LITERAL = /[*?[\]{}()|\\]|^!/

/**
 * The subject patterns, below the origin, of the tags that `glob` matches: of `salt/auth` `['salt.auth']`, of `salt/*` one
 * with a star, of `salt/**` `['salt', 'salt.>']`, since micromatch's `**` matches nothing too. Throws `bad_config` on a glob
 * that no subject pattern says.
 */
export function grantSubject(glob: string): string[] {
  const segments = glob.split('/')
  const last = segments.at(-1)
  const deep = last === '**'
  const tokens = (deep ? segments.slice(0, -1) : segments).map(segment => token(segment, glob))
  if (!deep) return [tokens.join('.')]
  const below = [...tokens, '>'].join('.')
  // micromatch lets `a/**` match `a`, but wants one more segment after a `*`: `*/**` does not match `a`.
  return tokens.length === 0 || tokens.at(-1) === '*' ? [below] : [tokens.join('.'), below]
}

function token(segment: string, glob: string): string {
  if (segment === '*') return '*'
  // Of a whole glob, no text is no tag; between slashes it is an empty segment, as in `salt/beacon/m/load/`.
  if (glob === '' || NO_LITERAL.test(segment)) throw unsayable(glob)
  return escapeToken(segment)
}

const unsayable = (glob: string): ReactorError =>
  new ReactorError(
    'bad_config',
    `'${glob}' cannot be granted, because NATS has to enforce it: write segments between slashes, each a literal or a whole '*', with '**' as the last one only ('deploy/*/done', 'salt/**'), and one entry for each alternative`,
  )
