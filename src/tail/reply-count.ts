// `--func`: how many minions have replied to a function, each counted once, in the words of Salt's event listener.
import { cleanText } from '../base/clean.ts'
import { isReturn } from './colour.ts'

export interface Reply {
  id: string
  total: number
}

/** Takes each event; gives a reply where a minion returned `fun` for the first time. */
export function createReplyCount(
  fun: string,
): (event: { tag: string; data: Record<string, unknown>; believed: boolean }) => Reply | undefined {
  const replied = new Set<string>()
  return ({ tag, data, believed }) => {
    const { id } = data
    if (
      !believed ||
      !tag.startsWith('salt/job/') ||
      !isReturn(tag) ||
      data.fun !== fun ||
      typeof id !== 'string' ||
      replied.has(id)
    )
      return undefined
    replied.add(id)
    return { id, total: replied.size }
  }
}

export const replyLine = ({ id, total }: Reply): string =>
  `Reply received from [${cleanText(id)}].Total replies now:[${total}].`
