// The returner `redis`: jobs, returns and events in a Redis server, for as long as `ttl` says.
import { z } from 'zod'
import { LONGEST_TIMER_MS } from '../base/clock.ts'
import { CAPABILITIES, type ReturnerStore, refused, returner } from '../functions/define-returner.ts'
import { parseStamp } from '../protocol/event.ts'
import { durationOption } from '../returner/duration-option.ts'
import { recordText } from '../returner/record-text.ts'
import { batched } from '../returner/redis/batched.ts'
import { createRedisConnection } from '../returner/redis/connection.ts'
import {
  EVENTS,
  endKey,
  eventKey,
  firstJidOf,
  JIDS,
  loadKey,
  MINIONS,
  newestKey,
  retKey,
} from '../returner/redis/keys.ts'
import { loadsOf, newestLoads, newestReturns, PAGE, returnsOf } from '../returner/redis/read.ts'
import { CLEAN, SAVE_ENDS, SAVE_EVENTS, SAVE_LOADS, SAVE_RETURNS } from '../returner/redis/scripts.ts'
import { createSweep } from '../returner/redis/sweep.ts'

/** The largest value that a Redis server takes is a little more. */
const MOST_BYTES = 512_000_000
/** Of large stores no more are listed. */
const MOST_LISTED = 10_000

const wholeNumber = z.union([z.number(), z.string().regex(/^\d+$/, 'expected a whole number').transform(Number)])

export default returner({
  doc: `Keeps jobs, returns and events in Redis, under Salt's keys, for as long as \`ttl\` says.

  A job is \`load:<jid>\`, its returns are the hash \`ret:<jid>\` by minion, and \`<minion>:<function>\` has the jid of the newest. Beside
  Salt's: when a job ended (\`end:<jid>\`), events (\`event:<id>\`), and the sorted sets \`jids\` and \`events\` in the order of time.
  A value may have 512 MB. It takes Redis 6.2 or newer, and neither clusters nor TLS.`,
  options: {
    host: z.string().min(1).default('salt').describe('host name or address of the server'),
    port: wholeNumber.pipe(z.int().min(1).max(65535)).prefault(6379).describe('port of the server'),
    db: wholeNumber.pipe(z.int().min(0)).prefault(0).describe('number of the database'),
    password: z.string().min(1).optional().describe('password, where the server wants one'),
    unix_socket_path: z
      .string()
      .min(1)
      .optional()
      .describe('socket of a server on this machine, instead of host and port'),
    ttl: durationOption.prefault('24h').describe('how long records are kept; 0: until they are cleaned'),
    timeout: durationOption
      .pipe(z.number().positive('expected more than nothing').max(LONGEST_TIMER_MS, 'expected less than 24 days'))
      .prefault('10s')
      .describe('within which one call must end'),
  },
  can: CAPABILITIES,
  open({ host, port, db, password, unix_socket_path, ttl, timeout }): ReturnerStore {
    const at = unix_socket_path === undefined ? { host, port } : { path: unix_socket_path }
    const connection = createRedisConnection({ at, db, password, timeoutMs: timeout })
    const keptMs = String(ttl)
    const sweep = createSweep(ttl)
    const write = (
      script: string,
      index: string[],
      records: readonly { keys: string[]; values: string[] }[],
    ): Promise<void> =>
      connection.use(async client => {
        for (const batch of batched(records)) {
          const keys = [...index, ...batch.flatMap(record => record.keys)]
          await client.eval(script, { keys, arguments: [keptMs, ...batch.flatMap(({ values }) => values)] })
        }
        await sweep(client)
      })

    return {
      save_load: async loads =>
        write(
          SAVE_LOADS,
          [JIDS],
          loads.map(load => ({
            keys: [loadKey(load.jid), endKey(load.jid)],
            values: [load.jid, recordText(`the load of job ${load.jid}`, load, MOST_BYTES)],
          })),
        ),
      returner: async returns =>
        write(
          SAVE_RETURNS,
          [JIDS, MINIONS],
          returns.map(one => ({
            keys: [retKey(one.jid), newestKey(one.id, one.fun)],
            values: [one.jid, one.id, recordText(`the return of ${one.id} to job ${one.jid}`, one, MOST_BYTES)],
          })),
        ),
      update_endtime: async ends =>
        write(
          SAVE_ENDS,
          [],
          ends.map(({ jid, endtime }) => ({ keys: [loadKey(jid), endKey(jid)], values: [endtime] })),
        ),
      event_return: async events =>
        write(
          SAVE_EVENTS,
          [EVENTS],
          events.map(event => {
            const ms = parseStamp(event._stamp)
            if (Number.isNaN(ms)) throw refused(`event ${event.id} has no time: '${event._stamp}' is no stamp`)
            const text = recordText(`event ${event.id}`, event, MOST_BYTES)
            return { keys: [eventKey(event.id)], values: [event.id, String(ms), text] }
          }),
        ),
      get_load: jid => connection.use(async client => (await loadsOf(client, [jid]))[0]),
      get_jid: (jid, limits) => returnsOf(connection.use, jid, limits),
      get_jid_minions: jid => connection.use(client => client.hKeys(retKey(jid))),
      get_jids: () =>
        connection.use(async client => {
          const found = await newestLoads(client, { count: MOST_LISTED, filter_find_job: false })
          return Object.fromEntries(found.map(load => [load.jid, load]))
        }),
      get_jids_filter: filter => connection.use(client => newestLoads(client, filter)),
      get_fun: fun => connection.use(client => newestReturns(client, fun)),
      get_minions: () => connection.use(async client => (await client.sMembers(MINIONS)).sort()),
      async clean_old_jobs(beforeMs) {
        const options = { keys: [JIDS, EVENTS], arguments: [String(PAGE), firstJidOf(beforeMs), String(beforeMs)] }
        for (let removed = 0; ; ) {
          // Each step has the whole time that a call may take.
          const step = await connection.use(client => client.eval(CLEAN, options))
          const [looked, jobs] = step as [number, number]
          removed += jobs
          if (looked < PAGE) return removed
        }
      },
      close: () => connection.close(),
    }
  },
})
