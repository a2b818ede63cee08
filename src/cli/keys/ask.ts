// A question on the terminal before something is done that is hard to undo.
import { createInterface } from 'node:readline/promises'
import { ReactorError } from '../../base/errors.ts'

/** As a shell has it for a program that Ctrl-C ended. */
const INTERRUPTED = 130

export interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean }
  output: NodeJS.WritableStream
  /** Ends the program. */
  exit(code: number): void
}

const own = (): Terminal => ({ input: process.stdin, output: process.stderr, exit: code => process.exit(code) })

/** Whether the answer is yes, which an empty one is and Ctrl-D is not. Throws `usage` where nobody can be asked. */
export async function confirmed(question: string, yes: boolean, terminal: Terminal = own()): Promise<boolean> {
  if (yes) return true
  const { input, output, exit } = terminal
  if (!input.isTTY)
    throw new ReactorError('usage', 'it asks before it does that, and stdin is no terminal: give -y to answer yes')
  const lines = createInterface({ input, output })
  try {
    const ended = new Promise<string>(resolve => lines.once('close', () => resolve('no')))
    lines.once('SIGINT', () => {
      output.write('\n')
      exit(INTERRUPTED)
    })
    const answer = await Promise.race([lines.question(`${question} [n/Y] `), ended])
    return /^\s*(y|yes)?\s*$/i.test(answer)
  } finally {
    lines.close()
  }
}
