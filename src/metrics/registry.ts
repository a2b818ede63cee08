// What a process says of itself in Prometheus' text format. Sources are asked when somebody scrapes, and at no other time:
// what counts pays an addition, and knows nothing of this.
import { collectDefaultMetrics, type Metric, prometheusContentType, Registry } from 'prom-client'
import { errorMessage } from '../base/errors.ts'
import type { HistogramReading } from '../base/histogram.ts'
import type { Log } from '../base/log.ts'
import { METRICS, type MetricName } from './catalogue.ts'

/** A histogram's reading is in milliseconds, and shown in seconds. */
export type Value = number | HistogramReading

export interface Sample {
  labels: Readonly<Record<string, string>>
  value: Value
}

/** A value without labels, or one for each set of labels. */
export type Values = Partial<Record<MetricName, Value | readonly Sample[]>>
export type Source = () => Values | Promise<Values>

export interface Registered {
  /** May be called at any time. What it throws leaves its values out of that scrape, and is logged until it works again. */
  add(source: Source): void
  /** Never rejects. Scrapes that come at once share one reading. */
  text(): Promise<string>
}

export const METRICS_TYPE = prometheusContentType

export function createRegistry(log: Log): Registered {
  const node = new Registry()
  collectDefaultMetrics({ register: node })
  const sources: Source[] = []
  const failing = new Set<Source>()
  let failures = 0
  let reading: Promise<string> | undefined

  const ask = async (source: Source): Promise<Values> => {
    try {
      const values = await source()
      failing.delete(source)
      return values
    } catch (error) {
      failures += 1
      if (!failing.has(source))
        log.warn({ error: errorMessage(error) }, 'some of the metrics cannot be read; the others are shown')
      failing.add(source)
      return {}
    }
  }

  const read = async (): Promise<string> => {
    const all = new Map<MetricName, Sample[]>()
    const answers = await Promise.all(sources.map(ask))
    for (const values of [...answers, { reactor_metrics_failures_total: failures }])
      for (const [name, value] of Object.entries(values) as [MetricName, Value | readonly Sample[]][])
        all.set(name, [...(all.get(name) ?? []), ...samplesOf(value)])
    const own = new Registry()
    for (const [name, samples] of all) own.registerMetric(constant(name, samples))
    return (await own.metrics()) + (await node.metrics())
  }

  return {
    add: source => void sources.push(source),
    text() {
      reading ??= read().finally(() => {
        reading = undefined
      })
      return reading
    },
  }
}

const samplesOf = (value: Value | readonly Sample[]): readonly Sample[] =>
  typeof value === 'number' || 'buckets' in value ? [{ labels: {}, value }] : value

/** One sample a key, with the key as the label's value. */
export const by = <T>(label: string, values: Iterable<readonly [string, T]>, read: (value: T) => Value): Sample[] =>
  [...values].map(([key, value]) => ({ labels: { [label]: key }, value: read(value) }))

/** A metric as the library prints it, of values that were counted elsewhere. */
function constant(name: MetricName, samples: readonly Sample[]): Metric {
  const { type, help } = METRICS[name]
  const values = samples.flatMap(({ labels, value }) =>
    typeof value === 'number' ? [{ labels, value }] : lines(name, labels, value),
  )
  return { name, help, type, get: async () => ({ name, help, type, values, aggregator: 'sum' }) } as unknown as Metric
}

function lines(name: MetricName, labels: Sample['labels'], { buckets, sum, count }: HistogramReading) {
  return [
    ...buckets.map(bucket => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(bucket.le / 1000) },
      value: bucket.count,
    })),
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sum / 1000 },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
