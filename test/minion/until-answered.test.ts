import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { untilAnswered } from '../../src/minion/until-answered.ts'

const asking = { going: () => true, meanwhile: 'nobody is there', log: silentLog }
const open = { isClosed: () => false }

describe('what is asked until somebody answers', () => {
  it('is asked again after a failure, and not after the answer', async () => {
    let tries = 0
    const ask = async () => {
      if (++tries < 2) throw new Error('nobody answers')
    }
    expect(await untilAnswered({ ...asking, nc: open, ask })).toBeUndefined()
    expect(tries).toBe(2)
  })

  it.each([
    ['it is no longer wanted', 'going'],
    ['the connection is closed', 'isClosed'],
  ])('is given up with the last failure when %s', async (_what, end) => {
    let tries = 0
    const problem = new Error('nobody answers')
    const given = await untilAnswered({
      ...asking,
      nc: { isClosed: () => end === 'isClosed' && tries > 0 },
      going: () => end !== 'going' || tries === 0,
      ask: async () => {
        tries++
        throw problem
      },
    })
    expect(given).toBe(problem)
    expect(tries).toBe(1)
  })

  it('is not asked at all by a minion that is being stopped', async () => {
    const ask = () => Promise.reject(new Error('it was asked'))
    const given = await untilAnswered({ ...asking, nc: open, going: () => false, ask })
    expect(given).toMatchObject({ code: 'unreachable', message: 'the minion is being stopped' })
  })
})
