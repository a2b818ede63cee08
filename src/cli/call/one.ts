// One job: started, gathered and printed.
import { askPublish, callMinions } from '../../call/collect.ts'
import type { Standing } from '../../call/standing.ts'
import { LATER, lookupCommand, unanswered } from '../../call/unanswered.ts'
import { createJidSource } from '../../protocol/jid.ts'
import type { Published, PublishMessage } from '../../protocol/job.ts'
import type { Client } from '../client.ts'
import { print, printJson } from '../out/print.ts'
import { createProgress, PROGRESS_FROM, progressText } from '../out/progress.ts'
import { onInterrupt } from './interrupt.ts'
import { createCallPrinter, type PrinterOptions } from './printer.ts'

export interface CallCommandOptions extends PrinterOptions {
  /** Milliseconds. */
  timeout: number
}

/** Starts it and says its jid. */
export async function startOnly(
  { bus, user }: Client,
  request: PublishMessage,
  { json }: { json?: boolean },
): Promise<void> {
  const { jid, minions } = await askPublish<Published>(bus, { ...request, jid: createJidSource()() }, user)
  if (json) printJson({ jid, minions })
  else print(`Executed command with job ID: ${jid}`)
}

/** Prints returns as they arrive and waits for the rest. The exit code. */
export async function callAndPrint(
  { bus, user }: Client,
  request: PublishMessage,
  options: CallCommandOptions,
): Promise<number> {
  const jid = createJidSource()()
  const began = Date.now()
  let latest: Standing | undefined
  const progress = createProgress(process.stderr, () => {
    if ((latest?.expected?.size ?? 0) < PROGRESS_FROM) return undefined
    return progressText(latest!.counts(Date.now()), Date.now() - began)
  })
  const printer = await createCallPrinter(options, progress)
  const interrupt = onInterrupt()
  try {
    if (options.verbose) printer.executing(jid)
    const end = await callMinions(
      bus,
      jid,
      request,
      {
        onReturn: printer.returned,
        onChange(standing) {
          latest = standing
          progress.changed()
        },
      },
      { user, timeoutMs: options.timeout, signal: interrupt.signal },
    )
    if (interrupt.signal.aborted) {
      printer.leave()
      process.stderr.write(
        `\nExiting gracefully on Ctrl-c\nThis job's jid is: ${jid}\n${LATER}\n\n${lookupCommand(jid)}\n`,
      )
      return 0
    }
    for (const one of unanswered(end, jid, Date.now())) printer.unanswered(one)
    return printer.finish()
  } finally {
    progress.stop()
    interrupt.release()
  }
}
