// `reactor worker <jobs|schedule|cache>`
import { Argument } from 'commander'
import { startCache } from '../../processes/cache.ts'
import { startJobs } from '../../processes/jobs.ts'
import { startScheduleWorker } from '../../processes/schedule.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, runDaemon, withDaemonOptions } from '../daemon.ts'

const WORKERS = { jobs: startJobs, schedule: startScheduleWorker, cache: startCache } as const

export const command: AddCommand = program => {
  withDaemonOptions(
    program
      .command('worker')
      .description(
        'run a worker: jobs (execution, runners, reactions), schedule (due entries of the config) or cache (grains, history)',
      ),
  )
    .addArgument(new Argument('<which>').choices(Object.keys(WORKERS)))
    .action(async (which: keyof typeof WORKERS, options: DaemonOptions) => {
      const config = await daemonConfig(options)
      await runDaemon(`worker ${which}`, config, log => WORKERS[which](config, log))
    })
}
