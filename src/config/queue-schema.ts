// The sections `queue` and `runner_queue` of the configuration.
import { z } from 'zod'
import { MOST_ITEMS, QUEUE_BACKENDS, QUEUE_NAME, QUEUE_NAME_RULE } from '../protocol/queue.ts'
import { duration } from './duration.ts'
import { rate } from './rate.ts'

const queueName = z.string().regex(QUEUE_NAME, `a queue's name is ${QUEUE_NAME_RULE}`)

export const queueSettings = {
  queue: z
    .strictObject({
      backend: z.enum(QUEUE_BACKENDS).default('sqlite').describe('where queues are kept of which nothing else is said'),
      dir: z
        .string()
        .default('var/queue')
        .describe('the file of the sqlite backend; job workers of one machine share it'),
      lease: duration
        .prefault('1m')
        .refine(ms => ms >= 1000, 'a lease is 1s at least')
        .describe('after this what a worker has taken and not finished comes back'),
      tries: z
        .number()
        .int()
        .min(1)
        .default(5)
        .describe('what was given out so often and never finished is dead: kept, and given out no more'),
      drain: z
        .record(
          queueName,
          z.strictObject({
            backend: z.enum(QUEUE_BACKENDS).optional(),
            rate,
            batch: z.number().int().min(1).max(MOST_ITEMS).optional(),
          }),
        )
        .default({})
        .describe(
          'queues whose items are handed to rules by themselves, as salt/queue/<queue>/process: {rate: 10/s, batch, backend}',
        ),
    })
    .prefault({}),
  runner_queue: z
    .strictObject({
      queue: queueName.default('runner_queue').describe('where queue.insert_runner keeps calls that name no queue'),
      backend: z.enum(QUEUE_BACKENDS).optional().describe('in which backend; default: queue.backend'),
    })
    .prefault({}),
}
