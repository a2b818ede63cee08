// `reactor call -b`: groups of minions one after another, printed as Salt prints its batches.
import { runBatch } from '../../call/run-batch.ts'
import { LATER, lookupCommand, unknownMinion } from '../../call/unanswered.ts'
import { createJidSource } from '../../protocol/jid.ts'
import type { PublishMessage } from '../../protocol/job.ts'
import type { Client } from '../client.ts'
import { createProgress, PROGRESS_FROM } from '../out/progress.ts'
import { pythonRepr } from '../out/python.ts'
import { onInterrupt } from './interrupt.ts'
import type { CallCommandOptions } from './one.ts'
import { createCallPrinter } from './printer.ts'

export interface BatchCommandOptions extends CallCommandOptions {
  batch: string
  /** Milliseconds. */
  batchWait: number
  failhard?: boolean
}

/** Runs it to its end. The exit code. */
export async function batchAndPrint(
  { bus, user }: Client,
  request: PublishMessage,
  options: BatchCommandOptions,
): Promise<number> {
  let [all, running, left] = [0, 0, 0]
  const progress = createProgress(process.stderr, () =>
    all < PROGRESS_FROM ? undefined : `${all - running - left} of ${all} done, ${running} running, ${left} to come`,
  )
  const printer = await createCallPrinter(options, progress)
  const interrupt = onInterrupt()
  try {
    const end = await runBatch(
      bus,
      request,
      {
        onResolved(minions, missing) {
          all = left = minions.length
          for (const id of missing) printer.unanswered(unknownMinion(id))
        },
        onExecuting(ids, jid) {
          running += ids.length
          left -= ids.length
          printer.say(`\nExecuting run on ${pythonRepr(ids)}\n`)
          if (options.verbose) printer.executing(jid)
        },
        onReturn: printer.returned,
        onUnanswered: printer.unanswered,
        onChange(nowRunning, nowLeft) {
          running = nowRunning
          left = nowLeft
          progress.changed()
        },
      },
      {
        user,
        timeoutMs: options.timeout,
        signal: interrupt.signal,
        size: options.batch,
        waitMs: options.batchWait,
        failhard: options.failhard === true,
        newJid: createJidSource(),
      },
    )
    if (interrupt.signal.aborted) {
      printer.leave()
      process.stderr.write(`\nExiting gracefully on Ctrl-c\n${goOn(end.openJids)}${notStarted(end.left)}`)
      return 0
    }
    const code = printer.finish()
    process.stderr.write(notStarted(end.left))
    return code
  } finally {
    progress.stop()
    interrupt.release()
  }
}

const goOn = (jids: readonly string[]): string =>
  jids.length === 0 ? '' : `Jobs that go on: ${jids.join(' ')}\n${LATER}\n\n${jids.map(lookupCommand).join('\n')}\n`

const notStarted = (ids: readonly string[]): string =>
  ids.length === 0 ? '' : `The batch was stopped: not started on ${ids.join(', ')}\n`
