import { spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { processStart } from '../../src/base/process-start.ts'
import { createStateTurns, type TurnRequest } from '../../src/state/turn.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { within } from '../helpers/wait.ts'

const JID = '20261122063855123456'
const request = (more: Partial<TurnRequest> = {}): TurnRequest => ({
  ...{ jid: `${Math.random()}`.slice(2).padEnd(20, '1').slice(0, 20), fun: 'state.sls' },
  ...{ concurrent: false, queue: false, signal: new AbortController().signal },
  ...more,
})
const turnsIn = async () => {
  const file = join(await testFolder(), 'minion', 'state-run')
  return { file, turns: createStateTurns(file, keptLog().log) }
}
const done = (turn: Awaited<ReturnType<Awaited<ReturnType<typeof turnsIn>>['turns']['take']>>) => {
  expect(turn.refused).toBeUndefined()
  turn.done!()
}

describe('the turn of a state run', () => {
  it("is refused while another goes on, in Salt's words", async () => {
    const { turns } = await turnsIn()
    const first = await turns.take(request({ jid: JID, fun: 'state.apply' }))
    const line = `The function "state.apply" is running as PID ${process.pid} and was started at 2026, Nov 22 06:38:55.123456 with jid ${JID}`
    expect(await turns.take(request())).toEqual({ refused: [line] })
    expect(turns.running()).toEqual([line])
    done(first)
    expect(turns.running()).toEqual([])
    done(await turns.take(request()))
  })

  it('comes in the order in which it was queued for', async () => {
    const { turns } = await turnsIn()
    const first = await turns.take(request())
    const order: string[] = []
    const wait = async (name: string) => {
      const turn = await turns.take(request({ queue: true }))
      order.push(name)
      done(turn)
    }
    const names = Array.from({ length: 20 }, (_, n) => `run ${n}`)
    const all = names.map(wait)
    done(first)
    await within(Promise.all(all), 'all turns')
    expect(order).toEqual(names)
  })

  it('is refused where as many wait as may', async () => {
    const { turns } = await turnsIn()
    const first = await turns.take(request())
    const second = turns.take(request({ queue: 1 }))
    await expect(turns.take(request({ queue: 1 }))).resolves.toMatchObject({
      refused: [expect.stringContaining('1 wait already, and no more than 1 may (queue=1)'), expect.any(String)],
    })
    done(first)
    done(await within(second, 'the second turn'))
  })

  it('is not waited for by a job that is ended', async () => {
    const { turns } = await turnsIn()
    const first = await turns.take(request())
    const stop = new AbortController()
    const second = turns.take(request({ queue: true, signal: stop.signal }))
    const third = turns.take(request({ queue: true }))
    stop.abort(new Error('ended'))
    await expect(second).rejects.toThrow('ended')
    done(first)
    done(await within(third, 'the third turn'))
  })

  it('is taken beside others by who asks for that, and by a run within a run', async () => {
    const { turns } = await turnsIn()
    const first = await turns.take(request({ jid: JID }))
    const beside = await turns.take(request({ concurrent: true }))
    const inner = await turns.take(request({ jid: JID, queue: true }))
    done(first)
    expect((await turns.take(request())).refused).toHaveLength(2)
    done(beside)
    done(inner)
    done(await turns.take(request()))
  })

  it('goes on to the next where the disk is full, and what waits hears of it', async () => {
    const { file, turns } = await turnsIn()
    // Nothing can be written over a folder.
    await mkdir(file, { recursive: true })
    const first = await turns.take(request())
    const second = turns.take(request({ queue: true }))
    done(first)
    const turn = await within(second, 'the second turn')
    const third = turns.take(request({ queue: true }))
    await mkdir(`${file}.lock.${process.pid}.new`)
    const refused = expect(third).rejects.toThrow('EISDIR')
    done(turn)
    await refused
    await rm(`${file}.lock.${process.pid}.new`, { recursive: true })
    done(await turns.take(request()))
  })

  it('is one for all processes of a minion', async () => {
    const { file, turns } = await turnsIn()
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    await mkdir(dirname(file))
    await writeFile(`${file}.lock`, `${child.pid} ${processStart(child.pid!)}`)
    await writeFile(file, JSON.stringify([{ jid: JID, fun: 'state.apply', pid: child.pid }]))
    const line = expect.stringContaining(`The function "state.apply" is running as PID ${child.pid} and was started at`)
    expect(await turns.take(request())).toEqual({ refused: [line] })
    expect(turns.running()).toEqual([line])
    const queued = turns.take(request({ queue: true }))
    // It ends without a word: its turn counts for nothing then.
    child.kill('SIGKILL')
    done(await within(queued, 'the turn behind the other process'))
  })
})
