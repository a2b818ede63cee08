// Event tags: segments separated by `/`, as in Salt; on the wire each segment is one escaped token of the subject.
import { escapeToken, unescapeToken } from './token.ts'

const PLAIN = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/

/** `salt/beacon/m/load/` → `salt.beacon.m.load.=` */
export function tagToTokens(tag: string): string {
  if (PLAIN.test(tag)) return tag.replaceAll('/', '.')
  return tag.includes('/') ? tag.split('/').map(escapeToken).join('.') : escapeToken(tag)
}

const UNESCAPED = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

/** `salt.beacon.m.load.=` → `salt/beacon/m/load/`. Throws `bad_event` on tokens that no tag makes. */
export function tokensToTag(tokens: string): string {
  if (UNESCAPED.test(tokens)) return tokens.replaceAll('.', '/')
  return tokens.split('.').map(unescapeToken).join('/')
}
