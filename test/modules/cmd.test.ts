import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('cmd.run', () => {
  it('returns stdout and stderr together without white space at the end, and sets the return code', async () => {
    const { call, recorded } = caller('execution')
    expect(await call('cmd.run', [['sh', '-c', 'echo a; echo b >&2; echo; exit 3']])).toBe('a\nb')
    expect(recorded.retcode).toBe(3)
  })

  it('splits a line into words and expands nothing in quotes', async () => {
    const { call, recorded } = caller('execution')
    expect(await call('cmd.run', [`printf '%s|' "a b" '$HOME; id' c\\ d`])).toBe('a b|$HOME; id|c d|')
    expect(recorded.retcode).toBe(0)
  })

  it('refuses a line that needs a shell, and runs it where one is asked for', async () => {
    const { call } = caller('execution')
    await expect(call('cmd.run', ['echo a | tr a b'])).rejects.toThrow(
      /needs a shell for '\|': use cmd\.shell or python/,
    )
    expect(await call('cmd.run', ['echo a | tr a b'], { python_shell: true })).toBe('b')
    expect(await call('cmd.shell', ['echo a | tr a b'])).toBe('b')
    await expect(call('cmd.run', [['echo', 'a']], { python_shell: true })).rejects.toThrow('not as a list')
  })

  it('takes cwd, stdin, env and rstrip', async () => {
    const { call } = caller('execution')
    expect(await call('cmd.run', ['pwd'], { cwd: '/usr' })).toBe('/usr')
    expect(await call('cmd.run', ['pwd'])).toBe(homedir())
    expect(await call('cmd.run', ['cat'], { stdin: 'hello\n', rstrip: false })).toBe('hello\n')
    const env = { A: 'x y', N: 5, HOME: null }
    expect(await call('cmd.shell', ['echo "$A $N [$HOME]"'], { env })).toBe('x y 5 []')
    await expect(call('cmd.run', ['true'], { env: { 'A=B': 'x' } })).rejects.toThrow("env: 'A=B' is no name")
    await expect(call('cmd.run', ['true'], { cwd: '/no/such' })).rejects.toThrow("cwd: there is no folder '/no/such'")
  })

  it('says when the time was up and sets 124', async () => {
    const { call, recorded } = caller('execution')
    const output = await call('cmd.run', [['sh', '-c', 'echo begun; exec sleep 1000']], { timeout: '3s' })
    expect(output).toMatch(/^begun\ntimed out after 3 s/)
    expect(recorded.retcode).toBe(124)
    await expect(call('cmd.run', ['true'], { timeout: 'soon' })).rejects.toThrow("'soon' is not a duration")
  })

  it('says when there is no such command and sets 127', async () => {
    const { call, recorded } = caller('execution')
    expect(await call('cmd.run', ['no-such-program -x'])).toContain("'no-such-program' was not found")
    expect(recorded.retcode).toBe(127)
  })

  it('does not let the job fail where the return code is to be ignored', async () => {
    const { call, recorded } = caller('execution')
    expect(await call('cmd.retcode', ['false'], { ignore_retcode: true })).toBe(1)
    expect(recorded.retcode).toBeUndefined()
  })

  it('says what it left out of a long output', async () => {
    const { call } = caller('execution')
    expect(await call('cmd.run', ['echo 0123456789'], { output_limit: 4 })).toMatch(/^01\n\[output cut: 7 of 11 bytes/)
    await expect(call('cmd.run', ['true'], { output_limit: 0 })).rejects.toThrow("argument 'output_limit'")
  })
})

describe('cmd.run_all and cmd.retcode', () => {
  it('return the parts', async () => {
    const { call, recorded } = caller('execution')
    const result = await call('cmd.run_all', [['sh', '-c', 'echo out; echo err >&2; kill -KILL $$']])
    expect(result).toEqual({ pid: expect.any(Number), retcode: -9, stdout: 'out', stderr: 'err' })
    expect(recorded.retcode).toBe(-9)
    expect(await call('cmd.run_all', ['echo 0123456789'], { output_limit: 4 })).toMatchObject({ truncated: true })
    expect(await call('cmd.retcode', ['sh -c "exit 4"'])).toBe(4)
  })

  it('tell in stderr why a command did not start', async () => {
    expect(await caller('execution').call('cmd.run_all', ['/etc/passwd'])).toEqual({
      pid: null,
      retcode: 126,
      stdout: '',
      stderr: expect.stringContaining('not executable'),
    })
  })
})

describe('cmd.shell', () => {
  it('uses the shell that is asked for', async () => {
    const { call, recorded } = caller('execution')
    expect(await call('cmd.shell', ['echo $0'], { shell: '/bin/sh' })).toBe('/bin/sh')
    expect(await call('cmd.shell', ['echo'], { shell: '/no/shell' })).toContain("'/no/shell' was not found")
    expect(recorded.retcode).toBe(127)
    await expect(call('cmd.shell', [' '])).rejects.toThrow('the command is empty')
  })
})
