// Which process of `reactor up` serves its metrics on which port: one after the other from the first.
import { ReactorError } from '../base/errors.ts'
import type { Child } from './children.ts'

/** In the order of their ports: what does not always run comes last, so that a process keeps its port. */
const CHILDREN = ['master', 'cache', 'jobs', 'react', 'minion', 'schedule', 'gateway'] as const
export type ChildName = (typeof CHILDREN)[number]

/** Arguments that give each process a port of its own, from the first on. Throws `bad_config` where they would not all be ports. */
export function metricsPorts(first: number | undefined): (name: ChildName) => string[] {
  if (first === undefined) return () => []
  const last = 65_536 - CHILDREN.length
  if (first > last)
    throw new ReactorError(
      'bad_config',
      `metrics.port ${first} leaves no ports for all of ${CHILDREN.join(', ')}: ${last} is the highest`,
    )
  return name => ['--metrics-port', String(first === 0 ? 0 : first + CHILDREN.indexOf(name))]
}

/** Where the metrics of each process are served that serves them, in the order of their ports. */
export function metricsUrls(children: readonly Pick<Child, 'name' | 'facts'>[]): Record<string, string> {
  return Object.fromEntries(
    CHILDREN.flatMap(name => {
      const url = children.find(child => child.name === name)?.facts.metrics
      return typeof url === 'string' ? [[name, url]] : []
    }),
  )
}
