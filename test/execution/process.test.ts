import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type ProcessOptions, runProcess } from '../../src/execution/process.ts'

const shell = (text: string, options: Partial<ProcessOptions> = {}) =>
  runProcess({ argv: ['/bin/sh', '-c', text], cwd: '/', ...options })
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const gone = (pid: number) => expect.poll(() => alive(pid)).toBe(false)

afterEach(() => vi.unstubAllEnvs())

describe('a child process', () => {
  it('gives its two streams, its return code and its pid', async () => {
    const pids: number[] = []
    const result = await shell('echo out; echo err >&2; exit 3', { onPid: pid => void pids.push(pid) })
    expect(pids).toEqual([expect.any(Number)])
    expect(result).toEqual({
      pid: pids[0],
      retcode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
      ending: 'exited',
    })
  })

  it('gives both streams in one, in the order in which they were written', async () => {
    const result = await shell('for n in 1 2 3 4 5; do echo o$n; echo e$n >&2; done', { mergeStderr: true })
    expect(result.stdout).toBe('o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\n')
  })

  it('can open its own streams again by /dev/stdin, /dev/stdout and /dev/stderr', async () => {
    const result = await shell('cat /dev/stdin > /dev/stdout; echo err > /dev/stderr', { stdin: 'in' })
    expect(result).toMatchObject({ stdout: 'in', stderr: 'err\n', retcode: 0 })
  })

  it('reads a large input whole, or not at all, as it likes', async () => {
    const stdin = 'x'.repeat(1_000_000)
    expect((await shell('wc -c', { stdin })).stdout.trim()).toBe('1000000')
    expect((await shell('exit 0', { stdin })).retcode).toBe(0)
  })

  it('gets the vector as it is, with its own name as its first word', async () => {
    const result = await runProcess({ argv: ['sh', '-c', 'echo "$0|$1|$2"', 'me', '', 'a b*'], cwd: '/' })
    expect(result.stdout).toBe('me||a b*\n')
  })

  it('has only the environment given', async () => {
    expect((await shell('env | grep -v ^_= | sort', { env: { A: '1', PWD: '/' } })).stdout).toContain('A=1')
    expect((await shell('echo "[$HOME]"', { env: {} })).stdout).toBe('[]\n')
  })

  it('keeps the ends of an output that is too long', async () => {
    const result = await shell('echo first; head -c 5000000 /dev/zero; echo last', { outputLimit: 1000 })
    expect(result.truncated).toBe(true)
    expect(result.stdout).toMatch(/^first\n[\s\S]*\[output cut: 4999\d{3} of 5000011 bytes[\s\S]*last\n$/)
    expect(result.stdout.length).toBeLessThan(1200)
  })

  it('shows the signal that ended it as a negative return code', async () => {
    expect(await shell('kill -KILL $$')).toMatchObject({ retcode: -9, ending: 'signaled' })
  })

  it('works by the streams of Node where no pipe can be made', async () => {
    vi.stubEnv('TMPDIR', '/nonexistent')
    const result = await shell('cat; echo err >&2', { stdin: 'in' })
    expect(result).toMatchObject({ stdout: 'in', stderr: 'err\n', retcode: 0 })
    expect((await shell('echo a; echo b >&2', { mergeStderr: true })).stdout.split('\n').sort()).toEqual(['', 'a', 'b'])
  })
})

describe('a child process that does not start', () => {
  it('is 127 when the program is not in PATH', async () => {
    const result = await runProcess({ argv: ['no-such-program'], cwd: '/', env: { PATH: '/bin' } })
    expect(result).toMatchObject({ pid: null, retcode: 127, ending: 'not_started' })
    expect(result.reason).toBe("'no-such-program' was not found: no program of that name in PATH (/bin)")
  })

  it.each([
    ['/no/such/file', 127, 'there is no file'],
    ['/etc/passwd', 126, 'not executable'],
    ['/etc', 126, 'is a folder'],
  ])('tells what is wrong with %s', async (program, retcode, why) => {
    const result = await runProcess({ argv: [program], cwd: '/' })
    expect(result).toMatchObject({ retcode, ending: 'not_started', reason: expect.stringContaining(why) })
  })

  it('is 127 when the interpreter of a script is missing', async () => {
    const script = join(await mkdtemp(join(tmpdir(), 'reactor-test-')), 'script')
    await writeFile(script, '#!/no/such/interpreter\n')
    await chmod(script, 0o755)
    const result = await runProcess({ argv: [script], cwd: '/' })
    expect(result).toMatchObject({ retcode: 127, reason: expect.stringContaining('interpreter') })
  })

  it('is 126 when its arguments are too long', async () => {
    const result = await runProcess({ argv: ['echo', 'x'.repeat(3_000_000)], cwd: '/' })
    expect(result).toMatchObject({ retcode: 126, reason: expect.stringContaining('too long') })
  })

  it.each<[string, Partial<ProcessOptions>, string]>([
    ['no words', { argv: [] }, 'the command is empty'],
    ['a folder that is not there', { cwd: '/no/such/folder' }, "there is no folder '/no/such/folder'"],
    ['a NUL character', { argv: ['echo', 'a\0b'] }, 'NUL'],
    ['a timeout of nothing', { timeoutMs: 0 }, 'out of range'],
    ['a timeout over what a timer can hold', { timeoutMs: 2 ** 31 }, 'out of range'],
  ])('is refused for %s', async (_what, options, message) => {
    await expect(runProcess({ argv: ['true'], cwd: '/', ...options })).rejects.toThrow(message)
  })
})

describe('killing', () => {
  it('ends the command and all that it started when the time is up', async () => {
    const result = await shell('sleep 1000 & echo $!; wait', { timeoutMs: 2000 })
    expect(result).toMatchObject({ retcode: 124, ending: 'timed_out' })
    expect(result.reason).toContain('timed out after 2 s')
    await gone(Number(result.stdout))
  })

  it.each([
    ['timeout(1), which leads a group of its own', 'timeout 1000 sleep 1000 & echo $!; wait'],
    ['a child whose own shell has job control', "sh -mc 'sleep 1000 & echo $!; wait'; :"],
    ['an orphan that takes no notice', "(trap '' TERM; timeout 1000 sleep 1000 & echo $!); sleep 1000"],
  ])('ends %s', async (_what, command) => {
    const result = await shell(command, { timeoutMs: 2000 })
    expect(result).toMatchObject({ retcode: 124, ending: 'timed_out' })
    await gone(Number(result.stdout))
  })

  it('forces what ignores the polite signal', async () => {
    const result = await shell('trap "" TERM; echo $$; while :; do sleep 1; done', { timeoutMs: 2000 })
    expect(result.retcode).toBe(124)
    await gone(Number(result.stdout))
  })

  it('ends the command when the job is killed, and shows the signal', async () => {
    const job = new AbortController()
    const result = await shell('sleep 1000', { signal: job.signal, onPid: () => job.abort(new Error('by hand')) })
    expect(result).toMatchObject({ retcode: -15, ending: 'aborted', reason: expect.stringContaining('by hand') })
    await gone(result.pid!)
  })

  it('starts nothing for a job that was killed before', async () => {
    const marker = join(await mkdtemp(join(tmpdir(), 'reactor-test-')), 'ran')
    const result = await shell(`touch ${marker}`, { signal: AbortSignal.abort(new Error('by hand')) })
    expect(result).toMatchObject({ pid: null, ending: 'aborted' })
    expect(existsSync(marker)).toBe(false)
  })

  it('does not wait for a stranger that keeps the output open', async () => {
    const result = await shell("setsid sh -c 'echo $$; exec sleep 1000' & wait", { timeoutMs: 2000 })
    const stranger = Number(result.stdout)
    expect(result.retcode).toBe(124)
    expect(alive(stranger)).toBe(true)
    process.kill(stranger, 'SIGKILL')
  })

  it('leaves a daemon of a command that ended by itself alive', async () => {
    const result = await shell('sleep 1000 & echo $!')
    expect(result).toMatchObject({ retcode: 0, ending: 'exited' })
    const daemon = Number(result.stdout)
    expect(alive(daemon)).toBe(true)
    process.kill(daemon, 'SIGKILL')
  })

  it('leaves no listener, descriptor or temporary folder behind', async () => {
    const job = new AbortController()
    const add = vi.spyOn(job.signal, 'addEventListener')
    const remove = vi.spyOn(job.signal, 'removeEventListener')
    const run = () => shell('cat; echo x >&2', { signal: job.signal, stdin: 'in', timeoutMs: 60_000 })
    await run()
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    for (let n = 0; n < 10; n += 1) await run()
    await runProcess({ argv: ['echo', 'x'.repeat(3_000_000)], cwd: '/' })
    await expect.poll(open).toBeLessThanOrEqual(before)
    expect(remove).toHaveBeenCalledTimes(add.mock.calls.length)
  })
})
