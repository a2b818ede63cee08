import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { newPassword, readPasswordFile, type Terminal } from '../../src/cli/password.ts'
import { testFolder } from '../helpers/folder.ts'

/** A terminal on which these chunks are typed, and what is shown on it. */
function terminal(typed: (string | Buffer)[], isTTY = true) {
  const stdin = Object.assign(new PassThrough(), { isTTY, setRawMode: (raw: boolean) => raws.push(raw) })
  const raws: boolean[] = []
  let shown = ''
  const stderr = {
    write(text: string) {
      shown += text
    },
  }
  for (const chunk of typed) stdin.write(chunk)
  if (!isTTY) stdin.end()
  return { terminal: { stdin, stderr } as unknown as Terminal, raws, shown: () => shown }
}

const ask = (...typed: (string | Buffer)[]) => newPassword(false, terminal(typed).terminal)

describe('a password that is typed', () => {
  it('is asked for twice and never shown', async () => {
    const here = terminal(['correct horse\r', 'correct horse\r'])
    expect(await newPassword(false, here.terminal)).toBe('correct horse')
    expect(here.shown()).toBe('New password: \nAgain: \n')
    expect(here.raws).toEqual([true, false])
  })

  it('may come in pieces, all at once, or split within a letter', async () => {
    expect(await ask('correct', ' horse', '\n', 'correct horse\n')).toBe('correct horse')
    expect(await ask('correct horse\ncorrect horse\n')).toBe('correct horse')
    const bytes = Buffer.from('grüße an alle\n')
    expect(await ask(bytes.subarray(0, 3), bytes.subarray(3), bytes)).toBe('grüße an alle')
  })

  it('can be mended while it is typed', async () => {
    expect(await ask('wrong\u0015correct horsé\u007fe\r', 'correct horse\r')).toBe('correct horse')
  })

  it('must be the same twice', async () => {
    await expect(ask('correct horse\r', 'correct house\r')).rejects.toMatchObject({
      code: 'usage',
      message: 'the two passwords differ',
    })
  })

  it('must have eight characters, and is not asked for again where it has not', async () => {
    const here = terminal(['sésame7\r'])
    await expect(newPassword(false, here.terminal)).rejects.toMatchObject({
      code: 'usage',
      message: 'a password has at least 8 characters, this one has 7',
    })
    expect(here.shown()).toBe('New password: \n')
    expect(here.raws).toEqual([true, false])
  })

  it.each(['\u0003', '\u0004', 'begun\u0003'])('may be given up with %j', async keys => {
    await expect(ask(keys)).rejects.toMatchObject({ code: 'usage', message: 'no password was given' })
  })

  it('needs a terminal', async () => {
    const { terminal: piped } = terminal(['correct horse\n'], false)
    await expect(newPassword(false, piped)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--password-stdin'),
    })
  })
})

describe('a password on standard input', () => {
  it.each([
    ['correct horse', 'correct horse'],
    ['correct horse\n', 'correct horse'],
    [' with spaces \r\n', ' with spaces '],
  ])('is all of it but a line end: %j', async (text, password) => {
    expect(await newPassword(true, terminal([text], false).terminal)).toBe(password)
  })

  it.each([
    ['', /at least 8 characters, this one has 0/],
    ['short\n', /at least 8 characters, this one has 5/],
    ['two lines\nof it\n', /this one has a line break/],
  ])('is refused where it is %j', async (text, message) => {
    await expect(newPassword(true, terminal([text], false).terminal)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message),
    })
  })
})

describe('a password file', () => {
  const fileOf = async (text: string, mode = 0o600) => {
    const file = join(await testFolder(), 'password')
    await writeFile(file, text, { mode })
    return file
  }

  it('gives its line', async () => {
    expect(await readPasswordFile(await fileOf('short\n'))).toBe('short')
  })

  it('is refused where others may read it, where it is empty, and where it is not there', async () => {
    const open = await fileOf('correct horse\n', 0o640)
    await expect(readPasswordFile(open)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(`chmod 600 ${open}`),
    })
    await expect(readPasswordFile(await fileOf('\n'))).rejects.toMatchObject({ code: 'bad_config' })
    await expect(readPasswordFile('/nowhere/password')).rejects.toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining('/nowhere/password'),
    })
  })
})
