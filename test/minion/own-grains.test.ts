import { expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { createOwnGrains } from '../../src/minion/own-grains.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'
import { createSeen } from '../helpers/wait.ts'

const connection = useConnection()
let minions = 0

function grainsOf(collect: () => Record<string, unknown>, refreshWithinMs = 10_000) {
  const subjects = createSubjects(`grains${minions++}`)
  const sent = createSeen<unknown>()
  const serve = (answer: (count: number) => unknown = () => ({ ok: true })) =>
    connection.nc.subscribe(subjects.anyMinion('grains'), {
      callback: (_error, message) => {
        sent.push(message.json())
        message.respond(JSON.stringify(answer(sent.items.length)))
      },
    })
  const first = { os: 'Debian' }
  const parts = {
    nc: connection.nc,
    subjects,
    id: 'web1',
    first,
    collect: async () => collect(),
    log: silentLog,
    refreshWithinMs,
  }
  return { grains: createOwnGrains(parts), sent, serve }
}

it('they are collected again, shown and sent up by a refresh', async () => {
  const { grains, sent, serve } = grainsOf(() => ({ os: 'Debian', roles: ['db'] }))
  serve()
  await grains.send(() => true)
  expect(grains.current()).toEqual({ os: 'Debian' })
  await grains.refresh()
  expect(grains.current()).toEqual({ os: 'Debian', roles: ['db'] })
  expect(sent.items).toEqual([{ os: 'Debian' }, { os: 'Debian', roles: ['db'] }])
})

it('they are sent until they are stored', async () => {
  const { grains, sent, serve } = grainsOf(() => ({}))
  serve(count => (count < 3 ? { ok: false, reason: 'not now' } : { ok: true }))
  await grains.send(() => true)
  expect(sent.items).toHaveLength(3)
})

it.each([
  ['nobody stores them', false, /nobody answers/],
  ['they are refused', true, /the grains were refused: too many/],
])('a refresh says so where %s, and they are in force all the same', async (_what, served, reason) => {
  const { grains, serve } = grainsOf(() => ({ new: 1 }), 300)
  if (served) serve(() => ({ ok: false, reason: 'too many' }))
  await expect(grains.refresh()).rejects.toThrow(reason)
  expect(grains.current()).toEqual({ new: 1 })
})
