import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ReactorError } from '../../src/base/errors.ts'
import { createGate, untilTaken } from '../helpers/wait.ts'
import { createWorld, job, NOW } from './engine.ts'

/** However long the disk takes, nobody has waited for long. */
function stopTimers() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}

describe('a job on the minion', () => {
  it('is accepted, runs, and is returned as an event with its cause and hops', async () => {
    const { start, returns } = await createWorld()
    const { take } = await start()
    const sent = job('test.echo', { arg: ['hello'], chain: 'a,r' })
    expect(await take(sent)).toEqual({ accepted: true })
    const [returned] = await returns.reach(1)
    expect(returned).toEqual({
      tag: `salt/job/${sent.jid}/ret/m1`,
      id: expect.stringMatching(/^[\w-]{22}$/),
      hops: 3,
      cause: sent.jid,
      chain: 'a,r',
      data: {
        id: 'm1',
        jid: sent.jid,
        fun: 'test.echo',
        fun_args: ['hello'],
        return: 'hello',
        retcode: 0,
        success: true,
        cmd: '_return',
      },
    })
  })

  it('runs once, however often and however fast its jid comes, and after its deadline too', async () => {
    const { start, started, returns, gate, clock } = await createWorld()
    const { take } = await start()
    const sent = job('gate.wait')
    const answers = await Promise.all([take(sent), take(sent), take(sent, true)])
    expect(answers).toEqual([{ accepted: true }, { accepted: true }, { accepted: true }])
    gate.open()
    await returns.reach(1)
    clock.now = sent.deadline + 1
    expect(await take(sent)).toEqual({ accepted: true })
    const last = job('test.ping', { deadline: clock.now + 1000 })
    await take(last)
    await returns.find(one => one.data.jid === last.jid, 'the last return')
    expect(started.items).toEqual([sent.jid])
    expect(returns.items).toHaveLength(2)
  })

  it('has its start said where it is sent again, because its answer was not heard: it runs, or is about to', async () => {
    stopTimers()
    const { start, said, returns, gate } = await createWorld()
    const { take } = await start({ concurrency: 1 })
    const [runs, waits] = [job('gate.wait'), job('gate.wait')]
    await Promise.all([take(runs), take(runs)])
    expect(said.items).toEqual([runs.jid])
    await take(runs)
    expect(said.items).toEqual([runs.jid, runs.jid])
    const first = take(waits)
    const second = take(waits)
    gate.open()
    expect(await Promise.all([first, second])).toEqual([{ accepted: true }, { accepted: true }])
    await returns.reach(2)
    expect(said.items).toEqual([runs.jid, runs.jid, waits.jid])
    await take(waits)
    expect(said.items).toHaveLength(3)
  })

  it('waits while as many as allowed run, and its start is said then', async () => {
    const { start, started, said, returns, gate } = await createWorld()
    const { take, running } = await start({ concurrency: 2 })
    const jobs = [1, 2, 3, 4].map(() => job('gate.wait'))
    const answers = await Promise.all(jobs.map(one => take(one)))
    expect(answers.map(({ waiting }) => waiting ?? false)).toEqual([false, false, true, true])
    expect(await take(jobs[3]!)).toEqual({ accepted: true, waiting: true })
    expect(running().map(({ jid }) => jid)).toEqual(jobs.slice(0, 2).map(({ jid }) => jid))
    gate.open()
    await returns.reach(4)
    expect(started.items).toEqual(jobs.map(({ jid }) => jid))
    expect(said.items).toEqual(jobs.slice(2).map(({ jid }) => jid))
  })

  it('does not say that it waits where it soon starts', async () => {
    stopTimers()
    const { start, said, returns } = await createWorld()
    const { take } = await start({ concurrency: 2 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => take(job('test.ping'))))
    expect(answers).toEqual(answers.map(() => ({ accepted: true })))
    await returns.reach(20)
    expect(said.items).toEqual([])
  })

  it('is not overtaken by one that comes later', async () => {
    const { start, started, returns, gate } = await createWorld()
    const { take } = await start({ concurrency: 1 })
    const jobs = Array.from({ length: 30 }, () => job('gate.wait'))
    gate.open()
    await Promise.all(jobs.map(one => take(one)))
    await returns.reach(30)
    expect(started.items).toEqual(jobs.map(({ jid }) => jid))
  })

  it('does not start when its deadline passed while it waited, and says so in its return', async () => {
    const { start, started, returnOf, gate, clock } = await createWorld()
    const { take } = await start({ concurrency: 1 })
    const [first, late] = [job('gate.wait'), job('gate.wait')]
    await Promise.all([take(first), take(late)])
    clock.now = late.deadline + 1
    gate.open()
    expect(await returnOf(late)).toMatchObject({
      success: false,
      retcode: 1,
      outcome: 'timed_out',
      return: expect.stringContaining('the deadline of the job passed'),
    })
    expect(started.items).toEqual([first.jid])
  })

  it('is ended by the minion when its time to run is over, whether its function listens or not', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start()
    const jobs = ['gate.wait', 'gate.deaf'].map(fun => job(fun, { run_until: NOW + 50 }))
    await Promise.all(jobs.map(one => take(one)))
    for (const one of jobs) {
      expect(await returnOf(one)).toMatchObject({
        success: false,
        retcode: 124,
        outcome: 'timed_out',
        return: expect.stringContaining('run_until 2026-11-20T09:18:20.050Z'),
      })
    }
  })

  it('returns 254 and the nearest name where the function is unknown', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start()
    const sent = job('test.pong')
    await take(sent)
    expect(await returnOf(sent)).toMatchObject({
      retcode: 254,
      success: false,
      return: "'test.pong' is not available. Did you mean 'test.ping'?",
    })
  })

  it.each([
    ['fails', 'test.fail', ['no disk'], 'no disk'],
    ['gets wrong arguments', 'test.echo', [], "test.echo needs the argument 'text' (string)"],
    ['returns a number that JSON has not', 'gate.return', ['bigint'], 'the return of gate.return is no JSON'],
    ['returns what contains itself', 'gate.return', ['cyclic'], 'the return of gate.return is no JSON'],
    ['returns what no reader would take', 'gate.return', ['deep'], 'nested deeper than 500 levels'],
    ['calls another that fails', 'gate.call', ['test.fail', ['no disk']], 'no disk'],
    ['calls another that is unknown', 'gate.call', ['test.pong'], "'test.pong' is not available"],
  ])('returns why where the function %s', async (_what, fun, arg, message) => {
    const { start, returnOf } = await createWorld()
    const { take } = await start()
    const sent = job(fun, { arg })
    await take(sent)
    const returned = await returnOf(sent)
    expect(returned).toMatchObject({ success: false, return: expect.stringContaining(message) })
    expect(returned.retcode).toBeGreaterThan(0)
  })

  it('may call another function as part of itself, and sees what the minion has', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start({ around: { config: { a: 1 }, mineFunctions: { uptime: [] } } })
    const [nested, nothing, seen] = [
      job('gate.call', { arg: ['test.echo', ['x']] }),
      job('gate.return', { arg: ['nothing'] }),
      job('gate.context'),
    ]
    await Promise.all([nested, nothing, seen].map(one => take(one)))
    expect(await returnOf(nested)).toMatchObject({ return: 'x', success: true })
    expect(await returnOf(nothing)).toMatchObject({ return: null, success: true })
    expect((await returnOf(seen)).return).toEqual({
      grains: { os: 'Debian' },
      mineFunctions: { uptime: [] },
      config: { a: 1 },
      id: 'm1',
      user: 'root',
      key: 'k',
    })
  })

  it('shows no secret of its arguments in the return', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start()
    const sent = job('test.arg', { kwarg: { password: 'hunter2', user: 'x' } })
    await take(sent)
    expect((await returnOf(sent)).fun_args).toEqual([{ __kwarg__: true, password: '[redacted]', user: 'x' }])
  })

  it('is refused after its deadline, and where it cannot be written down', async () => {
    const { start, returns } = await createWorld()
    const { take, file } = await start()
    expect(await take(job('test.ping', { deadline: NOW - 1 }))).toEqual({
      accepted: false,
      reason: 'its deadline has passed',
    })
    await file.close()
    expect(await take(job('test.ping'))).toEqual({ accepted: false, reason: expect.stringContaining('jobs') })
    expect(returns.items).toEqual([])
  })

  it('is not refused where the disk is full and it is to end the one that fills it', async () => {
    const { start, returnOf } = await createWorld()
    const { take, file } = await start()
    const fills = job('gate.wait')
    await take(fills)
    const { put } = file
    file.put = () => Promise.reject(new ReactorError('unwritable', 'no space left on device'))
    const kill = job('saltutil.kill_job', { arg: [fills.jid] })
    expect(await take(kill)).toEqual({ accepted: true })
    expect(await take(job('test.ping'))).toEqual({ accepted: false, reason: 'no space left on device' })
    expect(await returnOf(kill)).toMatchObject({ success: true, return: expect.stringContaining('Signal 9 sent') })
    expect(await returnOf(fills)).toMatchObject({ retcode: -9 })
    file.put = put
  })
})

describe('a return', () => {
  it('is sent again under the same id until the server takes it, and its jid stays known', async () => {
    const { start, returns, server, lines, clock } = await createWorld()
    const { take, file, close } = await start()
    const tries: (string | undefined)[] = []
    server.fire = async (_tag, _data, options) => {
      tries.push(options?.id)
      if (tries.length === 1) throw new ReactorError('store_refused', 'full')
      return { id: '', seq: 1 }
    }
    const sent = job('test.ping')
    await take(sent)
    await lines.find(({ msg }) => msg.includes('refuses a return'), 'the refusal')
    expect(file.values.get(sent.jid)).toMatchObject({ state: 'returned', returned: { return: true } })
    await returns.reach(1)
    expect(tries).toHaveLength(2)
    expect(tries[1]).toBe(tries[0])
    await expect.poll(() => file.values.get(sent.jid)).toBeTypeOf('number')
    await close()
    clock.now = NOW + 3_600_000
    const later = await start()
    await expect.poll(() => later.file.values.size).toBe(0)
  })

  it('that no message can hold goes up apart, and its event says where it lies', async () => {
    const { start, returnOf, server } = await createWorld()
    const { take } = await start()
    const texts: string[] = []
    const payload = { name: '', parts: 1, size: 9, sha256: 'abc' }
    server.payload = async (name, text) => {
      texts.push(text)
      return { ok: true, payload: { ...payload, name } }
    }
    const [large, fits] = [
      job('gate.return', { arg: ['1048576'] }),
      job('gate.return', { arg: [String(1_048_576 - 8192)] }),
    ]
    await Promise.all([take(large), take(fits)])
    expect(await returnOf(large)).toMatchObject({
      return: null,
      success: true,
      payload: { ...payload, name: large.jid },
    })
    expect(await returnOf(fits)).toMatchObject({ return: expect.stringMatching(/^x+$/), success: true })
    expect(texts).toEqual([JSON.stringify('x'.repeat(1_048_576))])
  })

  it('that cannot go up yet holds back no small one, and stays as it is for the next start', async () => {
    const { start, returns, returnOf, server, lines } = await createWorld()
    const closed = createGate()
    server.payload = () =>
      closed.passed.then(() => Promise.reject(new ReactorError('unreachable', 'the connection is closed')))
    const first = await start()
    const large = job('gate.return', { arg: ['2000000'] })
    const small = job('test.ping')
    await first.take(large)
    await first.take(small)
    expect(await returnOf(small)).toMatchObject({ return: true, success: true })
    closed.open()
    await first.close()
    expect(returns.items.map(({ data }) => data.jid)).toEqual([small.jid])
    expect(lines.items.filter(({ level }) => Number(level) >= 40)).toEqual([])
    const payload = { name: large.jid, parts: 2, size: 2_000_002, sha256: 'abc' }
    server.payload = async () => ({ ok: true, payload })
    await start()
    expect(await returnOf(large)).toMatchObject({ return: null, success: true, retcode: 0, payload })
  })

  it('says its size and why where it cannot go up', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start()
    const [large, long] = [job('gate.return', { arg: ['2000000'] }), job('test.echo', { arg: ['y'.repeat(2_000_000)] })]
    await Promise.all([take(large), take(long)])
    for (const one of [large, long]) {
      expect(await returnOf(one)).toMatchObject({
        success: false,
        retcode: 1,
        return: expect.stringMatching(
          /^the return has 2000002 bytes, .* could not be sent apart: nobody takes payloads$/,
        ),
      })
    }
    expect((await returnOf(long)).fun_args).toEqual([expect.stringMatching(/^left out: \d+ bytes$/)])
  })
})

describe('signals to a job', () => {
  const shell = (text: string) => job('gate.shell', { arg: [text] })
  const alive = (pid: number) => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  const gone = (pid: number) => expect.poll(() => alive(pid)).toBe(false)
  /** The pids that a command has written to a file, once there are so many. */
  const pidsIn = async (file: string, count: number) => {
    return untilTaken(file, async () => {
      const pids = (await readFile(file, 'utf8')).trim().split('\n').map(Number)
      expect(pids).toHaveLength(count)
      return pids
    })
  }

  it.each([
    [9, 'killed by saltutil.kill_job (signal 9)', ''],
    [15, 'terminated by saltutil.term_job (signal 15)', ''],
    [15, 'terminated by saltutil.term_job (signal 15)', 'trap "" TERM; '],
  ])('%i: the whole process tree ends and the return says so: %s %s', async (number, words, before) => {
    const { dir, start, returnOf } = await createWorld()
    const { take, signal, running } = await start()
    const file = join(dir, 'pids')
    const sent = shell(
      `${before}sh -c '${before}echo $$ >> ${file}; sleep 1000 & echo $! >> ${file}; wait; sleep 1000' & echo $$ >> ${file}; while :; do sleep 1; done`,
    )
    await take(sent)
    const pids = await pidsIn(file, 3)
    const its = running()[0]!.pid
    expect(pids).toContain(its)
    expect(signal(sent.jid, number)).toEqual([its])
    expect(await returnOf(sent)).toMatchObject({ success: false, retcode: -number, return: words })
    for (const pid of pids) await gone(pid)
    expect(running()).toEqual([])
    expect(signal(sent.jid, 9)).toBeUndefined()
  })

  it('any other goes to all its processes, and what they make of it is the return', async () => {
    const { dir, start, returnOf } = await createWorld()
    const { take, signal } = await start()
    const file = join(dir, 'pids')
    const sent = job('cmd.run', {
      arg: [`trap 'echo got it; exit 3' USR1; echo $$ >> ${file}; while :; do sleep 0.05; done`],
      kwarg: { python_shell: true },
    })
    await take(sent)
    const [pid] = await pidsIn(file, 1)
    expect(signal(sent.jid, 10)).toEqual([pid])
    expect(await returnOf(sent)).toMatchObject({ retcode: 3, return: expect.stringContaining('got it') })
  })

  it.each(['gate.wait', 'gate.deaf'])('9 ends %s, which runs inside the minion', async fun => {
    const { start, started, returnOf } = await createWorld()
    const { take, signal, running } = await start()
    const sent = job(fun)
    await take(sent)
    await started.reach(1)
    expect(running()).toEqual([
      { jid: sent.jid, fun, arg: [], tgt: '*', tgt_type: 'glob', user: 'root', ret: '', pid: process.pid },
    ])
    expect(signal(sent.jid, 10)).toEqual([])
    expect(running()).toHaveLength(1)
    expect(signal(sent.jid, 9)).toEqual([])
    expect(await returnOf(sent)).toMatchObject({ success: false, retcode: -9 })
  })

  it('15 and then 9 kills at once what was only asked to end', async () => {
    const { dir, start, returnOf } = await createWorld()
    const { take, signal } = await start()
    const file = join(dir, 'pids')
    const sent = shell(`trap '' TERM; echo $$ >> ${file}; while :; do sleep 1; done`)
    await take(sent)
    const [pid] = await pidsIn(file, 1)
    signal(sent.jid, 15)
    expect(alive(pid!)).toBe(true)
    signal(sent.jid, 9)
    await gone(pid!)
    expect(await returnOf(sent)).toMatchObject({ success: false })
  })

  it('9 takes a job that waits out of the line', async () => {
    const { start, started, returnOf, gate } = await createWorld()
    const { take, signal } = await start({ concurrency: 1 })
    const [first, second, third] = [job('gate.wait'), job('gate.wait'), job('gate.wait')]
    await Promise.all([first, second, third].map(one => take(one)))
    expect(signal(second.jid, 10)).toBeUndefined()
    expect(signal(second.jid, 9)).toEqual([])
    expect(await returnOf(second)).toMatchObject({
      success: false,
      return: expect.stringContaining('before it was started'),
    })
    gate.open()
    await returnOf(third)
    expect(started.items).toEqual([first.jid, third.jid])
  })

  it('9 ends one that was about to start, and the next one has its place', async () => {
    const { start, started, returnOf } = await createWorld()
    const { take, signal, file } = await start({ concurrency: 1 })
    const [first, second, third] = [job('gate.wait'), job('gate.wait'), job('test.ping')]
    await Promise.all([first, second, third].map(one => take(one)))
    const put = file.put
    file.put = (jid, held) => {
      const starts = jid === second.jid && typeof held !== 'number' && held.state === 'running'
      if (starts) expect(signal(second.jid, 9)).toEqual([])
      return put(jid, held)
    }
    signal(first.jid, 9)
    expect(await returnOf(second)).toMatchObject({ return: expect.stringContaining('before it was started') })
    expect(await returnOf(third)).toMatchObject({ return: true })
    expect(started.items).toEqual([first.jid])
  })

  it('can be asked for when as many jobs as allowed hang', async () => {
    const { start, returnOf } = await createWorld()
    const { take } = await start({ concurrency: 1 })
    const hangs = job('gate.deaf')
    await take(hangs)
    const list = job('saltutil.running')
    await take(list)
    expect((await returnOf(list)).return).toMatchObject([{ jid: hangs.jid }])
    await take(job('saltutil.kill_job', { arg: [hangs.jid] }))
    expect(await returnOf(hangs)).toMatchObject({ retcode: -9 })
  })

  it('frees the place of a job that is ended', async () => {
    const { start, returnOf } = await createWorld()
    const { take, signal } = await start({ concurrency: 1 })
    const [hangs, next] = [job('gate.deaf'), job('test.ping')]
    await Promise.all([take(hangs), take(next)])
    signal(hangs.jid, 9)
    expect(await returnOf(next)).toMatchObject({ return: true })
  })
})

describe('a minion that stops', () => {
  it('ends what runs, leaves what waits for its next start, and takes nothing more', async () => {
    const { dir, start, started, said, returns, returnOf, gate } = await createWorld()
    const first = await start({ concurrency: 1 })
    const [runs, waits] = [job('gate.wait'), job('gate.wait')]
    await Promise.all([first.take(runs), first.take(waits)])
    await first.close()
    expect(await returnOf(runs)).toMatchObject({
      success: false,
      retcode: 1,
      return: 'the minion was stopped while it ran',
    })
    expect(returns.items).toHaveLength(1)
    expect(await first.take(job('test.ping'))).toEqual({ accepted: false, reason: 'the minion is being stopped' })
    await expect(stat(join(dir, 'jobs.lock'))).rejects.toMatchObject({ code: 'ENOENT' })

    gate.open()
    await start({ concurrency: 1 })
    expect(await returnOf(waits)).toMatchObject({ success: true, return: waits.jid })
    expect(started.items).toEqual([runs.jid, waits.jid])
    expect(said.items).toEqual([waits.jid])
  })

  it('leaves what it was just taking for its next start, or refuses it', async () => {
    const { start, returns } = await createWorld()
    const first = await start()
    const jobs = Array.from({ length: 20 }, () => job('test.ping'))
    const answers = jobs.map(one => first.take(one))
    await first.close()
    expect(await Promise.all(answers)).toEqual(jobs.map(() => ({ accepted: true, waiting: true })))
    expect(returns.items).toEqual([])
    await start()
    await returns.reach(20)
    expect(returns.items.map(one => one.data.jid).sort()).toEqual(jobs.map(({ jid }) => jid).sort())
    expect(returns.items.every(one => one.data.success)).toBe(true)
  })
})

describe('a minion that died', () => {
  /** What a minion had on disk when it died. */
  const leftBehind = async (world: Awaited<ReturnType<typeof createWorld>>, entries: [string, unknown][]) => {
    const { file, close } = await world.start()
    for (const [jid, held] of entries) await file.put(jid, held as never)
    await close()
  }

  it('says at its start which jobs died, runs those that waited, and sends the returns that were not acked', async () => {
    const world = await createWorld()
    const [died, waited, late, returned, done] = [1, 2, 3, 4, 5].map(() => job('test.ping')) as [
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
      ReturnType<typeof job>,
    ]
    const data = {
      id: 'm1',
      jid: returned.jid,
      fun: 'test.ping',
      fun_args: [],
      return: 'of before',
      retcode: 0,
      success: true,
      cmd: '_return',
    }
    await leftBehind(world, [
      [died.jid, { state: 'running', job: died, started: NOW - 5, pid: 4711 }],
      [waited.jid, { state: 'waiting', job: waited }],
      [late.jid, { state: 'waiting', job: { ...late, deadline: NOW - 1 } }],
      [
        returned.jid,
        {
          state: 'returned',
          returned: data,
          event: 'the-same-id',
          stamp: '2026-11-20T09:18:20.838387',
          hops: 7,
          forgetAt: NOW + 1000,
        },
      ],
      [done.jid, NOW + 1000],
    ])
    const { take } = await world.start()
    expect(await world.returnOf(died)).toMatchObject({
      success: false,
      retcode: 1,
      outcome: 'died',
      return: 'the minion died while it ran; whether it was done is not known (its process was 4711)',
    })
    expect(await world.returnOf(waited)).toMatchObject({ success: true, return: true })
    expect(world.said.items).toEqual([waited.jid])
    expect(await world.returnOf(late)).toMatchObject({ success: false, outcome: 'timed_out' })
    const again = await world.returns.find(one => one.data.jid === returned.jid, 'the return of before')
    expect(again).toMatchObject({
      id: 'the-same-id',
      hops: 7,
      chain: undefined,
      data: { return: 'of before', success: true },
    })
    for (const one of [died, waited, returned, done]) expect(await take(one)).toEqual({ accepted: true })
    const last = job('test.ping')
    await take(last)
    await world.returnOf(last)
    expect(world.returns.items).toHaveLength(5)
  })

  it('writes a pid down as soon as a job starts a process', async () => {
    const { start, returnOf } = await createWorld()
    const { take, running, signal, file } = await start()
    const sent = job('cmd.run', { arg: ['sleep 1000'] })
    await take(sent)
    await untilTaken('its pid on disk', () =>
      expect(file.values.get(sent.jid)).toMatchObject({ state: 'running', pid: running()[0]!.pid }),
    )
    expect(running()[0]!.pid).not.toBe(process.pid)
    signal(sent.jid, 9)
    await returnOf(sent)
  })

  it.each([
    ['no state', {}],
    ['no job', { state: 'waiting' }],
    ['half a job', { state: 'running', job: { jid: '20261120091820000000' } }],
    ['no return', { state: 'returned', returned: null }],
    ['a text', 'done'],
  ])('sets what is malformed on its disk aside: %s', async (_what, held) => {
    const world = await createWorld()
    const good = job('test.ping')
    await leftBehind(world, [
      ['20261120091820000000', held],
      [good.jid, { state: 'waiting', job: good }],
    ])
    await world.start()
    expect(await world.returnOf(good)).toMatchObject({ success: true })
    expect(world.lines.items).toContainEqual(
      expect.objectContaining({ lines: 1, msg: expect.stringContaining('set aside') }),
    )
  })
})

describe('finished jobs', () => {
  it('are remembered with their returns, so many of them, and over a restart', async () => {
    const { start, returnOf } = await createWorld()
    const first = await start({ cacheJobs: 3 })
    const jobs = [1, 2, 3, 4, 5].map(n => job('test.echo', { arg: [`n${n}`] }))
    for (const one of jobs) {
      await first.take(one)
      await returnOf(one)
    }
    const found = async (engine: typeof first) =>
      Promise.all(jobs.map(async ({ jid }) => (await engine.cached(jid))?.return))
    await expect.poll(() => found(first)).toEqual([undefined, undefined, 'n3', 'n4', 'n5'])
    await first.close()
    const second = await start({ cacheJobs: 3 })
    expect(await found(second)).toEqual([undefined, undefined, 'n3', 'n4', 'n5'])
    const more = job('test.echo', { arg: ['n6'] })
    await second.take(more)
    await returnOf(more)
    await expect.poll(() => found(second)).toEqual([undefined, undefined, undefined, 'n4', 'n5'])
  })

  it('are not, where none are to be remembered', async () => {
    const { start, returnOf, dir } = await createWorld()
    const { take, cached } = await start({ cacheJobs: 0 })
    const sent = job('test.ping')
    await take(sent)
    await returnOf(sent)
    expect(await cached(sent.jid)).toBeUndefined()
    await expect(stat(join(dir, 'finished'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

it('a minion that is told to stop waits for the processes of its jobs to end', async () => {
  const { start, returnOf } = await createWorld()
  const { take, running, close } = await start()
  const sent = job('cmd.run', { arg: ['sleep 1000'] })
  await take(sent)
  await expect.poll(() => running()[0]!.pid).not.toBe(process.pid)
  const { pid } = running()[0]!
  await close()
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  expect(await returnOf(sent)).toMatchObject({ return: 'the minion was stopped while it ran' })
})

it('a function that listens to nothing does not hold up the stop', async () => {
  const { start, returnOf, started } = await createWorld()
  const { take, close } = await start()
  const sent = job('gate.deaf')
  await take(sent)
  await started.reach(1)
  const gate = createGate()
  void close().then(gate.open)
  await gate.passed
  expect(await returnOf(sent)).toMatchObject({ success: false })
})
