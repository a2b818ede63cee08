// The end of `reactor __complete` that the shells see: quiet, and never a failure.
import { complete } from './complete.ts'
import { offers } from './offers.ts'

/** Prints the candidates and ends the process, with whatever connection it has. */
export async function completeAndExit(words: readonly string[]): Promise<never> {
  const found = await complete(words, offers).catch(() => [])
  const text = found.map(({ value, what }) => (what ? `${value}\t${oneLine(what)}\n` : `${value}\n`)).join('')
  return new Promise(() => process.stdout.write(text, () => process.exit(0)))
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
