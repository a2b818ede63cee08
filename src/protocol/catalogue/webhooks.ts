// Events of the gateway.
import { z } from 'zod'
import { event } from './define.ts'
import { map } from './fields.ts'

export const hookReceived = event('salt/netapi/hook/<path…>', {
  doc: 'a webhook, accepted and proved as its hook asks',
  by: ['_gateway'],
  data: {
    post: map.describe('the body, where it is JSON or a form'),
    headers: map.describe('those that `headers` of the hook lists'),
    body: z.string().describe('the body as text; empty where `post` has it'),
  },
})

const text = z.record(z.string(), z.string())

export const alertReceived = event('salt/netapi/hook/<path…>/<status>', {
  doc: 'an alert that Alertmanager tells of, of a hook of that kind: one event an alert',
  by: ['_gateway'],
  data: {
    status: z.enum(['firing', 'resolved']).describe('as in the tag'),
    labels: text.describe('of the alert'),
    annotations: text.describe('of the alert'),
    startsAt: z.string().describe('when it began'),
    endsAt: z.string().describe('when it ended'),
    generatorURL: z.string().describe('where it comes from'),
    fingerprint: z.string().describe('names the alert'),
    receiver: z.string().describe('of Alertmanager'),
    externalURL: z.string().describe('of Alertmanager'),
    groupKey: z.string().describe('of its group'),
    truncatedAlerts: z.number().optional().describe('how many of its group Alertmanager has left out'),
  },
})

export const requestReceived = event('salt/netapi/<path…>', {
  doc: 'a request that a hook took, where `gateway.request_events` is on; what it brought is in the event of the hook',
  by: ['_gateway'],
  data: {
    method: z.literal('POST').describe('of the request'),
    path: z.string().describe('of the request: `/hook/…`'),
    hook: z.string().describe('the hook, as the config names it'),
    address: z.string().describe('who sent it'),
    bytes: z.number().describe('of its body'),
    event: z.string().optional().describe('id of the event that it became'),
  },
})
