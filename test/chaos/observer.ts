// Counts effects where they happen: lines in a file, mails and requests that came in. It asks the system for nothing.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Event } from '../../src/protocol/event.ts'
import { startHttp } from '../alerts/http-test-server.ts'
import { startSmtp } from '../alerts/smtp-test-server.ts'

export interface Effect {
  rule: string
  /** Of the event that it is about. */
  n: number
  /** The process that ran it: a minion's id, `_jobs`, `_master`; of an alert empty. */
  where: string
  /** The jid, or of an alert the Message-ID or Idempotency-Key. */
  key: string
}

/** Of the rule `chained`: the events that its reactions fired. */
export const firedEffects = (events: readonly Event[]): Effect[] =>
  events
    .filter(({ tag, origin }) => origin.kind === 'service' && tag.startsWith('load/idempotent/'))
    .map(({ data, id }) => ({ rule: 'chained', n: Number(data.n), where: '_jobs', key: id }))

export interface Observer {
  readonly smtpPort: number
  readonly httpUrl: string
  effects(dir: string): Promise<Effect[]>
}

export async function startObserver(): Promise<Observer> {
  const smtp = await startSmtp()
  const http = await startHttp((_request, response) => void response.writeHead(200).end('{}'))
  const header = (raw: string, name: string) => new RegExp(`^${name}: (.+)\r$`, 'im').exec(raw)?.[1] ?? 'none'

  const written = async (dir: string): Promise<Effect[]> => {
    const text = await readFile(join(dir, 'effects'), 'utf8')
    return text
      .split('\n')
      .filter(Boolean)
      .map(line => {
        const [rule = '', n, where = '', key = ''] = line.split(' ')
        return { rule, n: Number(n), where, key }
      })
  }
  return {
    smtpPort: smtp.port,
    httpUrl: http.url,
    async effects(dir) {
      const mails = smtp.mails.map(
        ({ raw }): Effect => ({
          ...{ rule: 'mail', n: Number(header(raw, 'Subject')), where: '' },
          key: header(raw, 'Message-ID'),
        }),
      )
      const requests = http.seen.map(
        ({ url, headers }): Effect => ({
          ...{ rule: 'http', n: Number(new URL(url, http.url).searchParams.get('n')), where: '' },
          key: String(headers['idempotency-key']),
        }),
      )
      // The same request or mail again, under its key, is what its receiver knows for the same one.
      const alerts = new Map(
        [...mails, ...requests].map(effect => [`${effect.rule} ${effect.n} ${effect.key}`, effect]),
      )
      return [...(await written(dir)), ...alerts.values()]
    },
  }
}
