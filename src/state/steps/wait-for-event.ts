// The step that waits for events: `salt.wait_for_event`.
import { z } from 'zod'
import { isObject } from '../../base/json.ts'
import { orchestration } from '../../functions/define.ts'
import { failed, wouldChange } from '../../functions/state-return.ts'

export const waitForEventStep = orchestration({
  doc: `Waits until events have named every id of a list. Events that were stored before it began do not count.
    Example:
      salt/minion/*/start:
        salt.wait_for_event:
          - id_list: [web1, web2]
          - timeout: 600`,
  args: {
    name: z.string().min(1).describe("the tags, as a glob of Salt's: * crosses /"),
    id_list: z.array(z.string()).min(1).describe('what the events shall name'),
    event_id: z.string().default('id').describe('under which key of their data'),
    timeout: z.number().positive().default(300).describe('seconds'),
  },
  async run({ name: tag, id_list, event_id, timeout }, context) {
    if (context.test) return wouldChange(`Orchestration would wait for event '${tag}'`)
    const awaited = new Set(id_list)
    const seen: string[] = []
    const began = performance.now()
    const enough = new AbortController()
    const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(timeout * 1000), context.signal])
    const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    await context.hear(
      tag,
      ({ data }) => {
        const inner = isObject(data.data) ? data.data : {}
        const id = data[event_id] ?? inner[event_id]
        if (typeof id === 'string' && awaited.delete(id)) seen.push(id)
        if (awaited.size === 0) enough.abort()
      },
      signal,
    )
    await ended
    context.signal.throwIfAborted()
    const changes = seen.length > 0 ? { minions_seen: seen } : {}
    if (awaited.size > 0) return failed('Timeout value reached.', changes)
    const comment = `All events seen in ${((performance.now() - began) / 1000).toFixed(3)} seconds.`
    return { result: true, changes, comment }
  },
})
