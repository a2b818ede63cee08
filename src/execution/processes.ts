// Which processes run, by the names that the system has for them.
import { closeSync, openSync, readSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Limits } from './services/provider.ts'
import { runTool } from './tool.ts'

/** The kernel keeps so many characters of a name. */
const KEPT = 15
/** Processes looked at before others have their turn. */
const AT_ONCE = 200

export interface ProcessPlaces {
  /** Where the kernel tells of processes; where there is no such folder, `ps` is asked. Default: `/proc`. */
  proc?: string
  /** Of the looks before, by name: the process that had it, which is looked at first. */
  last?: Map<string, string>
}

/** Those of `wanted` that a process has which is no zombie; a process of another user counts where the system shows it. */
export async function runningAmong(
  wanted: ReadonlySet<string>,
  limits: Limits,
  { proc = '/proc', last = new Map() }: ProcessPlaces = {},
): Promise<Set<string>> {
  const pids = await pidsIn(proc)
  if (pids === undefined) return fromPs(wanted, limits)
  const found = new Set<string>()
  const begin = (name: string) => [...wanted].some(long => long.length > KEPT && long.startsWith(name))
  const known = [...wanted].flatMap(name => last.get(name) ?? [])
  for (const [at, pid] of [...new Set([...known, ...pids])].entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await new Promise(resolve => setImmediate(resolve))
    if (found.size === wanted.size) break
    // The cheapest that there is of a process: its name and a newline.
    const kept = read(`${proc}/${pid}/comm`).slice(0, -1)
    const isCut = kept.length === KEPT && begin(kept)
    if ((!wanted.has(kept) && !isCut) || hasEnded(read(`${proc}/${pid}/stat`))) continue
    const add = (name: string) => {
      found.add(name)
      last.set(name, pid)
    }
    if (wanted.has(kept)) add(kept)
    if (!isCut) continue
    const whole = basename(read(`${proc}/${pid}/cmdline`).split('\0')[0]!)
    if (whole.startsWith(kept) && wanted.has(whole)) add(whole)
  }
  return found
}

async function pidsIn(proc: string): Promise<string[] | undefined> {
  const names = await readdir(proc).catch(() => [])
  const pids = names.filter(name => /^\d+$/.test(name))
  return pids.length > 0 ? pids : undefined
}

/** A zombie, or none any more. Its state stands behind its name, which may hold parentheses itself. */
const hasEnded = (stat: string): boolean => stat === '' || /^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))

const CONTENT = Buffer.alloc(4096)

/** The beginning of a file; empty where the process has ended since. */
function read(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return CONTENT.toString('utf8', 0, readSync(file, CONTENT, 0, CONTENT.length, null))
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

async function fromPs(wanted: ReadonlySet<string>, limits: Limits): Promise<Set<string>> {
  const lines = await runTool('list the processes', ['ps', '-A', '-o', 'state=', '-o', 'comm='], limits)
  const found = new Set<string>()
  for (const line of lines.split('\n')) {
    const [, state, name] = /^\s*(\S+)\s+(.+?)\s*$/.exec(line) ?? []
    if (name === undefined || state!.startsWith('Z')) continue
    // Some systems tell the whole path.
    if (wanted.has(basename(name))) found.add(basename(name))
  }
  return found
}
