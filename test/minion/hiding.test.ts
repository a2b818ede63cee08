import { describe, expect, it } from 'vitest'
import type { ExecutionContext } from '../../src/functions/minion-context.ts'
import { hidingLog } from '../../src/minion/hiding-log.ts'
import { returnOf } from '../../src/minion/job-return.ts'
import { shownJob } from '../../src/minion/shown-job.ts'
import { createHiding } from '../../src/pillar/hide.ts'
import { keptLog } from '../helpers/core.ts'
import { createWorld, job } from './engine.ts'

const SECRET = 'correct horse battery'

async function startWithSecret() {
  const world = await createWorld()
  const hiding = createHiding()
  hiding.add([SECRET])
  const pillar = { current: () => ({ value: { key: SECRET }, errors: [] }), hide: hiding.hide }
  const [fired, mined, peers]: [unknown[], unknown[], unknown[]] = [[], [], []]
  const mine = { send: async (_name: string, data: unknown) => void mined.push(data) }
  const engine = await world.start({
    around: {
      pillar: pillar as unknown as ExecutionContext['pillar'],
      mine: mine as unknown as ExecutionContext['mine'],
      fire: async (_job, tag, data) => void fired.push([tag, data]),
      peer: async request => {
        peers.push(request)
        throw new Error('no peers here')
      },
    },
  })
  const run = async (fun: string, arg: unknown[], kwarg: Record<string, unknown> = {}) => {
    const one = job(fun, { arg, kwarg })
    await engine.take(one)
    return world.returnOf(one)
  }
  return { run, fired, mined, peers }
}

describe('a secret of the pillar', () => {
  it('is in no return, nor among the arguments that go with it', async () => {
    const { run } = await startWithSecret()
    expect(await run('test.echo', [`a ${SECRET} b`])).toMatchObject({
      return: 'a [redacted] b',
      fun_args: ['a [redacted] b'],
    })
    expect(await run('pillar.raw', [])).toMatchObject({ return: { key: '[redacted]' } })
    expect(await run('pillar.get', ['key'])).toMatchObject({ return: '[redacted]' })
  })

  it('is in no message of a failure', async () => {
    const { run } = await startWithSecret()
    const { success, return: said } = await run('test.echo', [], { text: 'x', [SECRET]: 1 })
    expect(success).toBe(false)
    expect(said).toContain('[redacted]')
    expect(said).not.toContain(SECRET)
  })

  it('is in no event that a function fires', async () => {
    const { run, fired } = await startWithSecret()
    await run('event.send', ['my/tag', { deep: [{ key: SECRET }] }])
    expect(JSON.stringify(fired)).toContain('[redacted]')
    expect(JSON.stringify(fired)).not.toContain(SECRET)
  })

  it('is not in the mine', async () => {
    const { run, mined } = await startWithSecret()
    await run('mine.send', ['test.echo', SECRET])
    expect(mined).toEqual(['[redacted]'])
  })

  it('is not handed to other minions: the record of their job would have it', async () => {
    const { run, peers } = await startWithSecret()
    const { success, return: said } = await run('saltutil.cmd', ['*', 'test.echo', [SECRET]])
    expect(success).toBe(false)
    expect(said).toContain('a secret of the pillar is among the arguments for other minions')
    expect(peers).toEqual([])
  })
})

describe('a run of the schedule that has a secret among its arguments', () => {
  const hiding = createHiding()
  hiding.add([SECRET])
  const scheduled = { name: 'tell', slot: 1, metadata: { for: SECRET } }
  const taken = shownJob(job('test.echo', { arg: [SECRET], kwarg: { more: `a ${SECRET}` }, scheduled }), hiding.hide)

  it('is given it', () => {
    expect(taken).toMatchObject({ arg: [SECRET], kwarg: { more: `a ${SECRET}` } })
  })

  it('is told of without it, also where it died and the pillar is not there yet', () => {
    const died = returnOf('web1', taken, 'it died', 1)
    expect(died).toMatchObject({ fun_args: ['[redacted]', { more: 'a [redacted]', __kwarg__: true }] })
    expect(JSON.stringify(died)).not.toContain(SECRET)
  })
})

describe("a job's log", () => {
  it('has no secret, whatever is written into it', () => {
    const { log, lines } = keptLog()
    const hiding = createHiding()
    hiding.add([SECRET])
    const hidden = hidingLog(log, hiding.hide).child({ with: SECRET })
    hidden.warn({ deep: { list: [SECRET] }, error: new Error(`no: ${SECRET}`) }, `said ${SECRET}`)
    hidden.info(`only ${SECRET}`)
    hidden.error(new Error(SECRET))
    expect(lines.items).toHaveLength(3)
    expect(JSON.stringify(lines.items)).not.toContain(SECRET)
    expect(lines.items[0]).toMatchObject({ msg: 'said [redacted]', deep: { list: ['[redacted]'] } })
  })

  it('has an error that tells none as it is', () => {
    const { log, lines } = keptLog()
    hidingLog(log, createHiding().hide).warn({ err: new Error('plain') }, 'x')
    expect(lines.items[0]).toMatchObject({ err: { message: 'plain' } })
  })
})
