import type { JsMsg } from '@nats-io/jetstream'
import { expect, it } from 'vitest'
import { createDeliveries } from '../../src/jobs/reactions/deliveries.ts'

it('a process that stood still hears of it before what waited goes on, once', () => {
  const clock = { at: 0 }
  let late = 0
  const deliveries = createDeliveries(
    () => {
      late += 1
    },
    () => clock.at,
  )
  clock.at = 6000
  deliveries.check()
  expect(late).toBe(0)
  clock.at = 7000
  deliveries.check()
  deliveries.check()
  expect(late).toBe(1)
  deliveries.stop()
})

it('a message is given back for the shortest of the times that its reactions ask for', () => {
  const said: unknown[] = []
  const message = { ack: () => said.push('ack'), nak: (ms?: number) => said.push(ms) } as unknown as JsMsg
  const deliveries = createDeliveries()
  const delivery = deliveries.open(message, () => said.push('settled'))
  delivery.expect(3)
  for (const again of [5000, undefined, 1000]) {
    delivery.begin()
    delivery.end(again)
  }
  expect(said).toEqual([1000, 'settled'])
  deliveries.stop()
})
