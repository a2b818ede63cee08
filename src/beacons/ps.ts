// Beacon `ps`: whether processes run, by their names.
import { z } from 'zod'
import { runningAmong } from '../execution/processes.ts'
import { beacon } from '../functions/define-beacon.ts'

const LOOK_MS = 30_000

export default beacon({
  doc: `Tells of processes as long as they are as set: running, or stopped.
    Data: the name of the process, with Running or Stopped. With onchangeonly every change is told, to either.
    A name is what ps -o comm shows: of a script its interpreter, of a program of Node 24 MainThread. A zombie does not run.
    Example:
    beacons:
      ps:
        - processes:
            nginx: running
            mysqld: stopped
        - interval: 10`,
  options: z.strictObject({
    processes: z
      .record(z.string().min(1), z.enum(['running', 'stopped']))
      .refine(processes => Object.keys(processes).length > 0, 'expected at least one process')
      .refine(processes => !('id' in processes), "a process named 'id' cannot be told: its events have a field 'id'")
      .describe('names of processes, each with the state in which it is told: running or stopped'),
  }),
  open({ processes }, { signal }) {
    const names = new Set(Object.keys(processes))
    const last = new Map<string, string>()
    return {
      async poll() {
        const running = await runningAmong(names, { timeoutMs: LOOK_MS, signal }, { last })
        return [...names].map(name => {
          const state = running.has(name) ? 'Running' : 'Stopped'
          return { thing: name, data: { [name]: state }, state, tell: state.toLowerCase() === processes[name] }
        })
      },
    }
  },
})
