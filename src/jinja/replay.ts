// A rendering that needs what takes time: it is left where it asks for it and rendered anew when the answer is there. What it asks
// for is known by its place in order and its arguments, so that it finds the same answer again.
import { asReactorError, ReactorError } from '../base/errors.ts'

/** Gives the answer; leaves the rendering (by a throw that must pass through) where it is not there yet. */
export type Ask = (question: string, answer: () => unknown) => unknown

const LEFT = new Error('a rendering waits for an answer')
export const MOST_QUESTIONS = 10_000

type Answer = { value: unknown } | { error: unknown }

/** `once` tells questions that have one answer in all of the rendering from those that are asked anew each time. */
export async function replay<T>(render: (ask: { once: Ask; each: Ask }) => T): Promise<T> {
  const answers = new Map<string, Answer>()
  for (;;) {
    let waiting: { key: string; answer: Promise<unknown> } | undefined
    let asked = 0
    const ask: Ask = (key, answer) => {
      const known = answers.get(key)
      if (known) return given(known)
      if (answers.size >= MOST_QUESTIONS)
        throw new ReactorError('template', `the template calls and loads more than ${MOST_QUESTIONS} times`)
      const found = promised(answer)
      if (found instanceof Promise) {
        waiting = { key, answer: found }
        throw LEFT
      }
      answers.set(key, found)
      return given(found)
    }
    try {
      return render({ once: ask, each: (question, answer) => ask(`${asked++} ${question}`, answer) })
    } catch (error) {
      if (error !== LEFT || waiting === undefined) throw error
      answers.set(waiting.key, await settled(waiting.answer))
    }
  }
}

function given(answer: Answer): unknown {
  if ('error' in answer) throw asReactorError(answer.error)
  return answer.value
}

function promised(answer: () => unknown): Answer | Promise<unknown> {
  try {
    const value = answer()
    return value instanceof Promise ? value : { value }
  } catch (error) {
    return { error }
  }
}

const settled = (answer: Promise<unknown>): Promise<Answer> =>
  answer.then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  )
