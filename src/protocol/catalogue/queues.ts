// Events of queues.
import { z } from 'zod'
import { QUEUE_BACKENDS } from '../queue.ts'
import { event } from './define.ts'

export const queueProcess = event('salt/queue/<queue>/process', {
  doc: 'items of a queue, for rules: by `queue.process_queue`, or by `queue.drain` of the config',
  by: ['_jobs'],
  data: {
    items: z.array(z.unknown()).describe('in the order in which they were inserted; none where the queue was empty'),
    backend: z.enum(QUEUE_BACKENDS).describe('where the queue is kept'),
    queue: z.string().describe('its name'),
  },
  example: ['salt/queue/q1/process', { items: ['c'], backend: 'sqlite', queue: 'q1' }],
})
