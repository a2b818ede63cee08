// The id of an event out of what names its delivery, so that a delivery that comes again is stored once.
import { createHmac } from 'node:crypto'

/**
 * `key` is what the gateways share and nobody else knows: who could make such an id could store something under it first, and
 * the true delivery would pass for a repeat. `scope` is the path, or the whole hook where a signature says nothing of it.
 */
export const createEventIds =
  (key: string) =>
  (scope: string, delivery: string): string =>
    `hook-${createHmac('sha256', key)
      .update(JSON.stringify([scope, delivery]))
      .digest('base64url')
      .slice(0, 32)}`

export type EventIds = ReturnType<typeof createEventIds>
