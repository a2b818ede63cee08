// Beacon `memusage`: how much of the memory is in use.
import { freemem, totalmem } from 'node:os'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { percentOf, percentOption } from '../execution/usage.ts'
import { beacon } from '../functions/define-beacon.ts'

export default beacon({
  doc: `Tells how much of the memory is in use, as long as it is as much as set, or more.
    Data: memusage: percent of the memory that no program could have without swapping; what caches hold counts as free.
    With onchangeonly it is told when it gets so far and when it is below again. On Linux only.
    Example:
    beacons:
      memusage:
        - percent: 63%
        - interval: 30`,
  options: z.strictObject({ percent: percentOption.describe('from which on it is told, such as 63%') }),
  open({ percent }) {
    // Elsewhere Node counts what caches hold as used, and every machine would look full.
    if (process.platform !== 'linux')
      throw new ReactorError('bad_config', `memusage needs what Linux tells of its memory; this is ${process.platform}`)
    return {
      poll() {
        const total = totalmem()
        // On Linux it is MemAvailable, as psutil takes it, not MemFree.
        const memusage = percentOf(total - freemem(), total)
        const isOver = memusage >= percent
        return [{ data: { memusage }, state: isOver ? 'over' : 'under', tell: isOver }]
      },
    }
  },
})
