import { describe, expect, it } from 'vitest'
import { metricsPorts, metricsUrls } from '../../src/up/metrics-ports.ts'

describe('the ports of the metrics under reactor up', () => {
  it('are one after the other, the same whether there is a gateway or not', () => {
    const portOf = metricsPorts(9464)
    expect(
      ['master', 'cache', 'jobs', 'react', 'minion', 'schedule', 'gateway'].map(name => portOf(name as never)),
    ).toEqual([9464, 9465, 9466, 9467, 9468, 9469, 9470].map(port => ['--metrics-port', String(port)]))
  })

  it('are free ones with 0, and none where none is asked for', () => {
    expect(metricsPorts(0)('react')).toEqual(['--metrics-port', '0'])
    expect(metricsPorts(undefined)('react')).toEqual([])
  })

  it('must all be ports', () => {
    expect(metricsPorts(65_529)('gateway')).toEqual(['--metrics-port', '65535'])
    expect(() => metricsPorts(65_530)).toThrow(
      expect.objectContaining({ code: 'bad_config', message: expect.stringContaining('65529 is the highest') }),
    )
  })

  it('are told in their order, of the processes that have one', () => {
    const told = metricsUrls([
      { name: 'react', facts: { rules: 1, metrics: 'http://b' } },
      { name: 'minion', facts: {} },
      { name: 'master', facts: { metrics: 'http://a' } },
    ])
    expect(Object.entries(told)).toEqual([
      ['master', 'http://a'],
      ['react', 'http://b'],
    ])
  })
})
