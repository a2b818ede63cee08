// Events of logins and keys of minions.
import { z } from 'zod'
import { event } from './define.ts'
import { minionId, texts } from './fields.ts'

export const LOGIN_ACTS = ['accept', 'pend', 'reject', 'denied', 'full'] as const
export const KEY_ACTS = ['accept', 'reject', 'delete'] as const

export const auth = event('salt/auth', {
  doc: 'a minion that holds its key has come: at each connect, and while it is kept out once a minute. A rule that lets it in by this event makes it come again',
  by: ['_master'],
  data: {
    id: minionId,
    act: z
      .enum(LOGIN_ACTS)
      .describe('what became of it; `denied`: another key is there under its id, `full`: there are `max_minions`'),
    pub: z.string().describe('its public key'),
    result: z.boolean().describe('false where it is kept out for good'),
  },
  example: [
    'salt/auth',
    { result: true, act: 'pend', id: 'minion1', pub: 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4' },
  ],
})

export const keyChanged = event('salt/key', {
  doc: 'somebody has changed the key of a minion, by a wheel function or a rule; not where it is accepted by itself',
  by: ['_master'],
  data: {
    id: minionId,
    act: z.enum(KEY_ACTS).describe('what was done'),
    result: z.literal(true).describe('as Salt has it'),
  },
  example: ['salt/key', { id: 'minion1', act: 'accept', result: true }],
})

export const pendingFull = event('salt/alarm/keys/pending_full', {
  doc: 'more keys wait than `keys.max_pending`: the oldest have given way; at once, then once a minute for all since',
  by: ['_master'],
  data: {
    dropped: z.number().describe('how many were dropped'),
    ids: texts.describe('minions of the first of them'),
    max_pending: z.number().describe('how many are kept'),
  },
})
