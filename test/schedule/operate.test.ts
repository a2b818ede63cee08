import { expect, it } from 'vitest'
import { createBook } from '../../src/schedule/book.ts'
import { callOf } from '../../src/schedule/calls.ts'
import { createOperations } from '../../src/schedule/operate.ts'

it('changes that are asked for at once are made one after the other, and none takes another back', async () => {
  const book = createBook(callOf)
  book.give('config', { nightly: { function: 'test.arg', seconds: 10 } })
  const scheduler = { run: async () => false, change: async () => false, next: () => undefined, kept: () => undefined }
  const keep = () => new Promise<void>(resolve => setImmediate(resolve))
  const { disable_job, modify, add } = createOperations({
    ...{ book, scheduler, keep, saved: () => new Map(), apply: () => undefined },
    ...{ now: Date.now, who: 'master', place: 'master' },
  })
  await Promise.all([disable_job('nightly'), modify('nightly', { seconds: 60 })])
  expect(book.entries().get('nightly')?.item).toMatchObject({ enabled: false, seconds: 60 })
  const added = await Promise.all(['a', 'b'].map(tag => add('new', { function: 'test.arg', seconds: 5, args: [tag] })))
  expect(added.map(({ result }) => result)).toEqual([true, false])
})
