// Passwords as they come in: typed twice without being shown, on standard input, or in a file of their owner's.
import { StringDecoder } from 'node:string_decoder'
import { ReactorError } from '../base/errors.ts'
import { readSecretFile } from '../base/secret-file.ts'

const MIN_PASSWORD = 8

/** Throws `usage`. */
function requirePassword(password: string): string {
  const length = [...password].length
  if (length < MIN_PASSWORD)
    throw new ReactorError('usage', `a password has at least ${MIN_PASSWORD} characters, this one has ${length}`)
  if (/[\0\r\n]/.test(password)) throw new ReactorError('usage', 'a password is one line: this one has a line break')
  return password
}

export interface Keyboard {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  on(event: 'data', hear: (chunk: Buffer) => void): unknown
  off(event: 'data', hear: (chunk: Buffer) => void): unknown
  resume(): unknown
  pause(): unknown
  [Symbol.asyncIterator](): AsyncIterator<Buffer | string>
}

export interface Terminal {
  stdin: Keyboard
  stderr: { write(text: string): unknown }
}

/** A new password: asked for twice on a terminal, or all of standard input. Throws `usage`. */
export async function newPassword(
  fromStdin: boolean,
  { stdin, stderr }: Terminal = process as unknown as Terminal,
): Promise<string> {
  if (fromStdin) {
    const chunks: Buffer[] = []
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
    return requirePassword(withoutLineEnd(Buffer.concat(chunks).toString('utf8')))
  }
  if (!stdin.isTTY)
    throw new ReactorError(
      'usage',
      'a password is typed on a terminal, and standard input is none: give it there with --password-stdin, or a key with --nkey or --gen-key',
    )
  const ask = createHiddenInput(stdin, stderr)
  try {
    const password = requirePassword(await ask('New password: '))
    if ((await ask('Again: ')) !== password) throw new ReactorError('usage', 'the two passwords differ')
    return password
  } finally {
    ask.close()
  }
}

/** Reads lines without showing them. What is typed ahead is kept for the next. */
function createHiddenInput(stdin: Keyboard, stderr: Terminal['stderr']) {
  const decoder = new StringDecoder('utf8')
  let typed = ''
  let wake: () => void = () => undefined
  const hear = (chunk: Buffer) => {
    typed += decoder.write(chunk)
    wake()
  }
  stdin.setRawMode?.(true)
  stdin.on('data', hear)
  stdin.resume()

  const ask = async (prompt: string): Promise<string> => {
    stderr.write(prompt)
    let line = ''
    for (;;) {
      for (const key of typed) {
        typed = typed.slice(key.length)
        if (key === '\r' || key === '\n') {
          stderr.write('\n')
          return line
        }
        // Ctrl-C, and Ctrl-D on an empty line.
        if (key === '\u0003' || (key === '\u0004' && line === '')) {
          stderr.write('\n')
          throw new ReactorError('usage', 'no password was given')
        }
        if (key === '\u007f' || key === '\b') line = [...line].slice(0, -1).join('')
        else if (key === '\u0015') line = ''
        else if (key >= ' ') line += key
      }
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return Object.assign(ask, {
    close() {
      stdin.off('data', hear)
      stdin.setRawMode?.(false)
      stdin.pause()
    },
  })
}

/** The password in a file that nobody but its owner may read. Throws `unreadable`, `bad_config`. */
export async function readPasswordFile(file: string): Promise<string> {
  const text = await readSecretFile(file, 'the password file')
  if (text === undefined)
    throw new ReactorError('unreadable', `cannot read the password file ${file}: there is no such file`)
  const password = withoutLineEnd(text)
  if (password === '') throw new ReactorError('bad_config', `the password file ${file} is empty`)
  return password
}

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '')
