// Arguments that several functions of the runner `jobs` take, as Salt names them.
import { z } from 'zod'
import { JOB_KINDS } from '../protocol/job.ts'

export const jidArg = z.string().describe('the job id, 20 digits')
export const ext_source = z
  .string()
  .nullish()
  .describe("a returner whose store alone is asked; default: the job cache and the master's (master_job_cache)")
export const outputter = z
  .unknown()
  .nullish()
  .refine(given => given == null, 'the caller chooses how an answer is printed, with --out: leave it out')
  .describe('not supported: choose with --out')
export const display_progress = z
  .boolean()
  .default(false)
  .describe('fires salt/run/<jid>/progress events with a message for each step')
export const globs = z.union([z.string(), z.array(z.string())]).nullish()
export const metadataArg = z.record(z.string(), z.unknown()).nullish()
export const kind = z
  .union([z.enum(JOB_KINDS), z.array(z.enum(JOB_KINDS)).min(1)])
  .default('local')
  .describe('beyond Salt: jobs on minions (local), runner or wheel functions, or a list of these')
