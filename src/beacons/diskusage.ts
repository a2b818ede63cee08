// Beacon `diskusage`: how full file systems are.
import { z } from 'zod'
import { errorMessage } from '../base/errors.ts'
import { createComplaints } from '../execution/complaints.ts'
import { mountPattern } from '../execution/mount-pattern.ts'
import { fullness, isMountPoint, mountPoints } from '../execution/mounts.ts'
import { createPatience } from '../execution/patience.ts'
import { readAs } from '../execution/pattern.ts'
import { percentOption } from '../execution/usage.ts'
import { beacon, type Observation } from '../functions/define-beacon.ts'

/** A file system of a server that is gone may not answer for hours. Of the four threads for file work some must stay free. */
const PATIENCE = { patienceMs: 5000, mostSilent: 2 }

export default beacon({
  doc: `Tells of file systems that are as full as set, or more.
    Data: diskusage: percent, as df has it; mount: where it is mounted. With onchangeonly it is told of each when it gets so full and
    when it is less again. Settings are mount points, or regular expressions that fit one as a whole, each with a percentage; where
    several mean the same, the lowest counts. Of a regular expression (?!…) is understood once, behind plain text.
    Regular expressions need Linux, which lists its mount points; elsewhere they are refused, and mount points are named one by one.
    Example:
    beacons:
      diskusage:
        - /: 63%
        - ^/srv/.*$: 90%
        - interval: 120`,
  options: z
    .record(z.string().describe('a mount point, or a regular expression of some'), percentOption)
    .refine(limits => Object.keys(limits).length > 0, 'expected at least one mount point with a percentage: /: 80%')
    .transform(
      readAs((limits: Record<string, number>) =>
        Object.entries(limits).map(([text, limit]) => ({ limit, pattern: mountPattern(text) })),
      ),
    ),
  open(entries, { log }) {
    const complain = createComplaints(log)
    const usage = createPatience(fullness, PATIENCE)
    let last = new Map<string, Observation>()

    /** The mount points that are meant, each with its lowest limit. */
    const meant = async (): Promise<{ mounts: Map<string, number>; problems: string[] }> => {
      const listed = mountPoints()
      const mounts = new Map<string, number>()
      const problems: string[] = []
      const add = (mount: string, limit: number) => mounts.set(mount, Math.min(limit, mounts.get(mount) ?? 100))
      for (const { limit, pattern } of entries) {
        if ('fits' in pattern) for (const mount of (listed ?? []).filter(pattern.fits)) add(mount, limit)
        else if (listed ? listed.includes(pattern.path) : await isMountPoint(pattern.path).catch(() => false))
          add(pattern.path, limit)
        else problems.push(`nothing is mounted on ${pattern.path}: how full it is cannot be told`)
      }
      return { mounts, problems }
    }
    return {
      async poll() {
        const { mounts, problems } = await meant()
        const look = async ([mount, limit]: [string, number]): Promise<Observation[]> => {
          try {
            const diskusage = await usage(mount)
            if (diskusage === undefined) return []
            const isOver = diskusage >= limit
            return [{ thing: mount, data: { diskusage, mount }, state: isOver ? 'over' : 'under', tell: isOver }]
          } catch (error) {
            problems.push(`how full ${mount} is cannot be told: ${errorMessage(error)}`)
            // Left out it would be forgotten, and what it was be told again as if it were new.
            const before = last.get(mount)
            return before ? [{ ...before, tell: false }] : []
          }
        }
        const found: Observation[] = []
        // One after the other: of several that hang at once no more are begun than may hang.
        for (const one of mounts) found.push(...(await look(one)))
        last = new Map(found.map(observation => [observation.thing ?? '', observation]))
        complain(problems)
        return found
      },
    }
  },
})
