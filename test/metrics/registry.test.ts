import { describe, expect, it } from 'vitest'
import { createHistogram } from '../../src/base/histogram.ts'
import { by, createRegistry } from '../../src/metrics/registry.ts'
import { keptLog } from '../helpers/core.ts'
import { createGate } from '../helpers/wait.ts'

const linesOf = (text: string, name: string) => text.split('\n').filter(line => line.startsWith(name))

describe('the registry of metrics', () => {
  it('prints a value with its help and type, and the numbers of Node beside it', async () => {
    const registry = createRegistry(keptLog().log)
    let events = 0
    registry.add(() => ({ reactor_events_read_total: events }))
    events = 7
    const text = await registry.text()
    expect(text).toContain(
      '# HELP reactor_events_read_total Events read by this reactor\n# TYPE reactor_events_read_total counter\nreactor_events_read_total 7\n',
    )
    expect(linesOf(text, 'nodejs_eventloop_lag_seconds ')).toHaveLength(1)
    expect(Number(linesOf(text, 'process_resident_memory_bytes ')[0]!.split(' ')[1])).toBeGreaterThan(1_000_000)
    events = 9
    expect(linesOf(await registry.text(), 'reactor_events_read_total')).toEqual(['reactor_events_read_total 9'])
  })

  it('adds up the samples of several sources under one name, and escapes what a label holds', async () => {
    const registry = createRegistry(keptLog().log)
    const rules = new Map([['a "quoted"\\name', 1]])
    registry.add(() => ({ reactor_reactions_stored_total: by('rule', rules, count => count) }))
    registry.add(() => ({ reactor_reactions_stored_total: [{ labels: { rule: 'b' }, value: 2 }] }))
    expect(linesOf(await registry.text(), 'reactor_reactions_stored_total')).toEqual([
      'reactor_reactions_stored_total{rule="a \\"quoted\\"\\\\name"} 1',
      'reactor_reactions_stored_total{rule="b"} 2',
    ])
  })

  it('prints a histogram in seconds, as Prometheus has it', async () => {
    const registry = createRegistry(keptLog().log)
    const histogram = createHistogram([5, 1000])
    for (const ms of [2, 400, 3000]) histogram.observe(ms)
    registry.add(() => ({ reactor_decision_seconds: histogram.read() }))
    expect(linesOf(await registry.text(), 'reactor_decision_seconds')).toEqual([
      'reactor_decision_seconds_bucket{le="0.005"} 1',
      'reactor_decision_seconds_bucket{le="1"} 2',
      'reactor_decision_seconds_bucket{le="+Inf"} 3',
      'reactor_decision_seconds_sum 3.402',
      'reactor_decision_seconds_count 3',
    ])
  })

  it('shows the others when one cannot be read, counts that, and logs it once until it works again', async () => {
    const { log, lines } = keptLog()
    const registry = createRegistry(log)
    let broken = true
    registry.add(async () => {
      if (broken) throw new Error('the server is away')
      return { reactor_stream_bytes: 1 }
    })
    registry.add(() => ({ reactor_events_read_total: 7 }))
    await registry.text()
    const text = await registry.text()
    expect(linesOf(text, 'reactor_')).toEqual(['reactor_events_read_total 7', 'reactor_metrics_failures_total 2'])
    expect(lines.items).toMatchObject([{ error: 'the server is away' }])
    broken = false
    expect(linesOf(await registry.text(), 'reactor_stream_bytes')).toEqual(['reactor_stream_bytes 1'])
    broken = true
    await registry.text()
    expect(lines.items).toHaveLength(2)
  })

  it('reads once for scrapes that come at once', async () => {
    const registry = createRegistry(keptLog().log)
    const gate = createGate()
    let readings = 0
    registry.add(async () => {
      readings += 1
      await gate.passed
      return { reactor_events_read_total: readings }
    })
    const both = Promise.all([registry.text(), registry.text()])
    gate.open()
    const [first, second] = await both
    expect(second).toBe(first)
    await registry.text()
    expect(readings).toBe(2)
  })
})
