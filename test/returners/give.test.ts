import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ReactorError } from '../../src/base/errors.ts'
import { type ReturnerStore, returner } from '../../src/functions/define-returner.ts'
import type { StoredReturn } from '../../src/protocol/returned.ts'
import { prepareGiving } from '../../src/returner/give.ts'
import type { Stores } from '../../src/returner/open.ts'
import type { Alternative } from '../../src/returner/options.ts'
import { createSeen } from '../helpers/wait.ts'

const RETURNED: StoredReturn = {
  ...{ id: 'web1', jid: '20261120091843644180', fun: 'test.ping', fun_args: [], return: true, retcode: 0 },
  ...{ success: true, cmd: '_return', _stamp: '2026-11-20T09:18:43.700000' },
}
const never = new AbortController().signal

/** Stores by name, of which each does with a return what it is given here, and what they were asked for. */
function storesOf(named: Record<string, NonNullable<ReturnerStore['returner']>>) {
  const asked = createSeen<Alternative | undefined>()
  const open: Stores['open'] = async (name, alternative) => {
    asked.push(alternative)
    const take = named[name]
    if (!take) throw new ReactorError('bad_config', `there is no returner '${name}'.`)
    return { returner: take, close: async () => undefined }
  }
  const load = async () =>
    returner({
      doc: 'x',
      options: { db: z.string() },
      can: ['returner'],
      open: () => ({ close: async () => undefined }),
    })
  return { stores: { open }, returners: { load }, asked }
}

describe('a return that is given to stores there and then', () => {
  it('goes to each of them once, with the settings that came along, and says which does not have it', async () => {
    const given: string[] = []
    const { asked, ...parts } = storesOf({
      mysql: async ([one]) => void given.push(`mysql ${one!.jid}`),
      redis: () => Promise.reject(new Error('connection refused')),
    })
    const returning = { ret: 'redis,mysql,local,mysql', ret_config: 'other', ret_kwargs: { db: 'x' } }
    const give = await prepareGiving(returning, parts)
    expect(await give(RETURNED, never)).toEqual([{ returner: 'redis', problem: 'connection refused' }])
    expect(given).toEqual([`mysql ${RETURNED.jid}`])
    expect(asked.items[0]).toEqual({ return_config: 'other', return_kwargs: { db: 'x' } })
  })

  it('is refused before it is made where one of them can never take it, and not where a store is away', async () => {
    const parts = storesOf({ mysql: async () => undefined })
    await expect(prepareGiving({ ret: 'mysql,nosuch' }, parts)).rejects.toThrow("there is no returner 'nosuch'")
    await expect(prepareGiving({ ret: 'mysql', ret_kwargs: { db: 'x', dbb: 1 } }, parts)).rejects.toThrow(
      'return_kwargs: no setting of mysql is called dbb',
    )
    const away = () => Promise.reject(new ReactorError('unreachable', 'not there yet'))
    const give = await prepareGiving({ ret: 'mysql' }, { ...parts, stores: { open: away } })
    expect(await give(RETURNED, never)).toEqual([{ returner: 'mysql', problem: 'not there yet' }])
  })

  it('is waited for no longer once it is stopped; a stop from before lets it go out', async () => {
    const stopping = new AbortController()
    const taking = createSeen<string>()
    const parts = storesOf({
      stuck: () => {
        taking.push('stuck')
        return new Promise(() => undefined)
      },
      mysql: async () => void taking.push('mysql'),
    })
    const giving = (await prepareGiving({ ret: 'stuck' }, parts))(RETURNED, stopping.signal)
    await taking.reach(1)
    stopping.abort()
    expect(await giving).toMatchObject([{ returner: 'stuck', problem: expect.stringContaining('stopped by Ctrl-C') }])
    expect(await (await prepareGiving({ ret: 'mysql' }, parts))(RETURNED, stopping.signal)).toEqual([])
    expect(taking.items).toEqual(['stuck', 'mysql'])
  })
})
