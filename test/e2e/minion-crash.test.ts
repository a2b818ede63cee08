// The real minion is killed with -9 while jobs run, wait and return: every jid has one outcome, and nothing runs twice.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Event } from '../../src/protocol/event.ts'
import type { JobMessage } from '../../src/protocol/job.ts'
import { untilTaken } from '../helpers/wait.ts'
import { job, startAll } from './lone-minion.ts'

/** The pid that a command has written to a file. */
async function pidIn(file: string): Promise<number> {
  return untilTaken(file, async () => {
    const pid = Number(await readFile(file, 'utf8'))
    expect(pid).toBeGreaterThan(1)
    return pid
  })
}

it('says after its restart that what ran died, and runs what waited, each once', async () => {
  const { dir, startMinion, killMinion, send, returnOf, returnsOf, events } = await startAll({ concurrency: 1 })
  await startMinion()
  const runs = job('cmd.run', [`echo x >> ${dir}/runs; echo $$ > ${dir}/pid; exec sleep 1000`], { python_shell: true })
  const waits = job('cmd.run', [`echo x >> ${dir}/waits; cat ${dir}/waits`], { python_shell: true })
  expect(await send(runs)).toEqual({ accepted: true })
  const pid = await pidIn(join(dir, 'pid'))
  onTestFinished(() => void process.kill(pid, 'SIGKILL'))
  expect(await send(waits)).toEqual({ accepted: true, waiting: true })

  await killMinion()
  await startMinion()
  expect(await returnOf(runs)).toMatchObject({
    success: false,
    retcode: 1,
    outcome: 'died',
    return: expect.stringContaining(
      `the minion died while it ran; whether it was done is not known (its process was ${pid})`,
    ),
  })
  expect(await returnOf(waits)).toMatchObject({ success: true, return: 'x' })
  expect(events.items.map(({ tag }) => tag)).toContain(`salt/job/${waits.jid}/prog/web1/start`)
  for (const one of [runs, waits]) expect(await send(one)).toEqual({ accepted: true })
  const last = job('test.ping', [])
  await send(last)
  await returnOf(last)
  expect(returnsOf(runs)).toHaveLength(1)
  expect(returnsOf(waits)).toHaveLength(1)
  expect(await readFile(join(dir, 'runs'), 'utf8')).toBe('x\n')
})

it('sends after its restart the returns and events that had not got away, and calls none of those jobs died', async () => {
  const { dir, server, startMinion, killMinion, send, returnOf, returnsOf, onDisk, events } = await startAll({
    concurrency: 1,
  })
  await startMinion()
  const runs = job('cmd.run', [`echo $$ > ${dir}/pid; while [ ! -e ${dir}/go ]; do sleep 0.05; done; echo done`], {
    python_shell: true,
  })
  const fires = job('event.send', ['my/tag', { n: 1 }])
  await send(runs)
  await pidIn(join(dir, 'pid'))
  expect(await send(fires)).toEqual({ accepted: true, waiting: true })
  await server.end('SIGKILL')
  await writeFile(join(dir, 'go'), '')
  await expect.poll(async () => (await onDisk()).match(/"state":"returned"/g)).toHaveLength(2)
  await killMinion()
  await server.start()
  await startMinion()
  expect(await returnOf(runs)).toMatchObject({ success: true, return: 'done' })
  expect(await returnOf(fires)).toMatchObject({ success: true, return: true })
  const mine = (event: Event) => event.tag === 'my/tag'
  expect((await events.find(mine, 'the event')).data).toMatchObject({ data: { n: 1 } })
  const last = job('test.ping', [])
  await send(last)
  await returnOf(last)
  expect(events.items.filter(mine)).toHaveLength(1)
  expect([...returnsOf(runs), ...returnsOf(fires)]).toHaveLength(2)
})

it('gives every job of a burst one return, however often it is killed in the middle', async () => {
  const { dir, startMinion, killMinion, send, events } = await startAll({ concurrency: 1 })
  await startMinion()
  const jobs: JobMessage[] = []
  const returned = () =>
    events.items.filter(({ tag }) => /^salt\/job\/\d+\/ret\/web1$/.test(tag)).map(({ data }) => data.jid as string)
  for (let round = 0; round < 3; round++) {
    const burst = Array.from({ length: 60 }, () => job('cmd.run', [`echo x >> ${dir}/ran`], { python_shell: true }))
    jobs.push(...burst)
    // Those in whose middle it is killed have no answer.
    for (const one of burst) void send(one).catch(() => undefined)
    const before = returned().length
    await events.find(() => returned().length >= before + 10, 'ten returns')
    await killMinion()
    await startMinion()
  }
  // What had no answer is sent again, as a caller would who wants to know.
  for (const one of jobs) expect(await send(one)).toMatchObject({ accepted: true })
  await expect.poll(() => new Set(returned()).size).toBe(jobs.length)
  expect(returned().length).toBe(jobs.length)
  const ran = (await readFile(join(dir, 'ran'), 'utf8')).split('\n').length - 1
  const died = events.items.filter(({ data }) => data.outcome === 'died').length
  expect(ran).toBeLessThanOrEqual(jobs.length)
  expect(ran).toBeGreaterThanOrEqual(jobs.length - died)
})
