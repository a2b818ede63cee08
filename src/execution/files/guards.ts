// What an event must not decide of a file: guards that several file states have.
import { fixed } from '../../functions/guards.ts'

export const content = fixed('the content of a file')
export const decision = fixed('what decides whether something is removed')
export const owning = {
  user: fixed('the owner of a file'),
  group: fixed('the group of a file'),
  mode: fixed('permissions'),
}

const origin = fixed('the place that a file comes from')
export const sources = {
  ...{ source: origin, source_hash: origin, skip_verify: origin },
  ...{ template: content, context: content, defaults: content },
}
