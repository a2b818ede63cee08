// Users and groups by name: out of /etc/passwd and /etc/group, and of getent where they come from elsewhere.
import { readFile } from 'node:fs/promises'
import type { ExecutionContext } from '../../functions/minion-context.ts'
import { runProcess } from '../process.ts'

export type OwnerName = string | number | null | undefined
type Asking = Pick<ExecutionContext, 'signal' | 'onProcess'>
type Table = 'passwd' | 'group'

const GETENT_TIMEOUT_MS = 10_000

/** Undefined: there is no such user. A number, or digits, is an id by itself. */
export const userId = (name: string | number, asking: Asking) => idOf('passwd', name, asking)
export const groupId = (name: string | number, asking: Asking) => idOf('group', name, asking)
/** The id as text where no user has it. */
export const userName = (uid: number, asking: Asking) => nameOf('passwd', uid, asking)
export const groupName = (gid: number, asking: Asking) => nameOf('group', gid, asking)

/** The user's own group. */
export async function mainGroup(uid: number, asking: Asking): Promise<number> {
  const row = await find('passwd', fields => Number(fields[2]) === uid, String(uid), asking)
  return Number(row?.[3] ?? 0)
}

async function idOf(table: Table, name: string | number, asking: Asking): Promise<number | undefined> {
  const text = String(name)
  const row = await find(table, fields => fields[0] === text, text, asking, typeof name === 'number')
  if (row) return Number(row[2])
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

async function nameOf(table: Table, id: number, asking: Asking): Promise<string> {
  return (await find(table, fields => Number(fields[2]) === id, String(id), asking))?.[0] ?? String(id)
}

async function find(
  table: Table,
  fits: (fields: string[]) => boolean,
  key: string,
  asking: Asking,
  isId = /^\d+$/.test(key),
): Promise<string[] | undefined> {
  const found = rows(await readFile(`/etc/${table}`, 'utf8').catch(() => '')).find(fits)
  // getent takes digits for an id, and a dash for an option.
  if (found || isId || !/^[\p{L}\p{N}_][^\s:]*$/u.test(key)) return found
  const { retcode, stdout } = await runProcess({
    argv: ['getent', table, key],
    cwd: '/',
    timeoutMs: GETENT_TIMEOUT_MS,
    signal: asking.signal,
    onPid: asking.onProcess,
  })
  return retcode === 0 ? rows(stdout).find(fits) : undefined
}

const rows = (text: string): string[][] =>
  text
    .split('\n')
    .map(line => line.split(':'))
    .filter(fields => fields.length >= 3)
