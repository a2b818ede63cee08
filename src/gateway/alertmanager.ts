// Alertmanager's webhook (version 4) as events, one an alert.
import { z } from 'zod'
import type { DataOf } from '../protocol/catalogue/define.ts'
import type { alertReceived } from '../protocol/catalogue/webhooks.ts'
import { malformed, type Refusal } from './refusal.ts'

type Data = DataOf<typeof alertReceived>

/** What an alert becomes. `delivery` is the same whenever Alertmanager tells of it again. */
export interface AlertEvent {
  status: Data['status']
  data: Data
  delivery: string
}

/** More alerts than this in one request come with `max_alerts` of Alertmanager. */
const MOST_ALERTS = 1000

const texts = z.record(z.string(), z.string())
const alertSchema = z.looseObject({
  status: z.enum(['firing', 'resolved']),
  labels: texts,
  annotations: texts.default({}),
  startsAt: z.string().max(100),
  endsAt: z.string().max(100).default(''),
  generatorURL: z.string().default(''),
  fingerprint: z.string().min(1).max(100),
})
const payloadSchema = z.looseObject({
  version: z.literal('4'),
  receiver: z.string().default(''),
  externalURL: z.string().default(''),
  groupKey: z.string().default(''),
  truncatedAlerts: z.number().default(0),
  alerts: z.array(alertSchema).max(MOST_ALERTS),
})

export function readAlerts(post: Record<string, unknown>): AlertEvent[] | Refusal {
  const parsed = payloadSchema.safeParse(post)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return malformed('this is no webhook of Alertmanager, version 4', `'${issue?.path.join('.')}': ${issue?.message}`)
  }
  const { receiver, externalURL, groupKey, truncatedAlerts, alerts } = parsed.data
  return alerts.map(({ status, labels, annotations, startsAt, endsAt, generatorURL, fingerprint }) => ({
    status,
    data: {
      status,
      labels,
      annotations,
      startsAt,
      endsAt,
      generatorURL,
      fingerprint,
      receiver,
      externalURL,
      groupKey,
      ...(truncatedAlerts > 0 ? { truncatedAlerts } : {}),
    },
    delivery: JSON.stringify([fingerprint, startsAt, status]),
  }))
}
