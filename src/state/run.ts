// A run: compiled chunks called one after another, each where its requisites ask for it.
import type { StateResult, StateRun } from '../functions/states.ts'
import { type CallParts, callState, functionOf, type How, type StateKind } from './chunk.ts'
import { listenersOf, listenerTag, lostListened } from './listen.ts'
import { createJudge, failedComment, notFoundComment, type Verdict } from './requisite-check.ts'
import { type Done, failed, hasChanges, notRun, resultOf, startTimer } from './result.ts'
import { type Chunk, type Compiled, chunkTag, type Resolved } from './types.ts'
import { argumentsOf } from './words.ts'

export interface RunParts<K extends StateKind> extends Omit<CallParts<K>, 'shared'> {
  compiled: Pick<Compiled, 'chunks' | 'requisites'>
  /** Only say what would be done. */
  test: boolean
  /** One that fails is the last. A chunk may say so of itself. */
  failhard?: boolean
  /** Hears of each state once it is over. Throws nothing. */
  onResult?(over: StateOver): void
}

export interface StateOver {
  tag: string
  result: StateResult
  chunk: Chunk
  /** Chunks of the whole run. */
  len: number
}

/** Runs them; once the signal aborts no further one is begun, and what has not run is not in the return. */
export async function runChunks<K extends StateKind>(parts: RunParts<K>): Promise<StateRun> {
  const { chunks, requisites } = parts.compiled
  const call: CallParts<K> = { ...parts, shared: new Map() }
  const run: StateRun = {}
  const results: (StateResult | undefined)[] = []
  /** What the targets of `prereq` would do. */
  const foreseen = new Map<number, Done>()
  const judge = createJudge((kind, chunk) => (kind === 'prereq' && foreseen.get(chunk)) || results[chunk])
  let runNum = 0

  const keep = (tag: string, chunk: Chunk, done: Done, times: ReturnType<ReturnType<typeof startTimer>>) => {
    const result = resultOf(chunk, done, times, runNum++)
    run[tag] = result
    parts.onResult?.({ tag, result, chunk, len: chunks.length })
    return result
  }
  const howOf = (at: number, changed: boolean): How => ({
    test: parts.test,
    changed,
    required: () => requiredOf(parts, requisites[at]!),
  })

  /** What it would do now; what is still to run says nothing of it. */
  const foresee = async (at: number): Promise<Done> => {
    const known = foreseen.get(at)
    if (known) return known
    const own = requisites[at]!.filter(({ kind }) => kind !== 'prerequired')
    await foreseeTargets(own)
    const verdict = judge(own)
    let done = doneBy(verdict, chunks)
    if (verdict.kind === 'run') {
      done = await callState(call, chunks[at]!, { ...howOf(at, false), test: true, dry: true })
      if (verdict.changed && done.result !== false && !done.skip_watch && !hasChanges(done))
        done = { ...done, result: null, changes: { watch: 'watch' } }
    }
    foreseen.set(at, done!)
    return done!
  }
  const foreseeTargets = async (own: readonly Resolved[]) => {
    for (const { kind, chunks: targets } of own)
      if (kind === 'prereq')
        for (const target of targets)
          if (!results[target]) {
            // A chain of thousands would be one stack.
            await undefined
            await foresee(target)
          }
  }

  const settle = async (at: number): Promise<Done> => {
    await foreseeTargets(requisites[at]!)
    const verdict = judge(requisites[at]!)
    const before = foreseen.get(at)
    // What kept those from running that go before it is its own failure.
    if (verdict.kind === 'failed' && before?.result === false) return { ...before, changes: {} }
    return doneBy(verdict, chunks) ?? callState(call, chunks[at]!, howOf(at, verdict.kind === 'run' && verdict.changed))
  }

  for (const [at, chunk] of chunks.entries()) {
    if (parts.signal.aborted) return run
    const timer = startTimer()
    const result = keep(chunkTag(chunk), chunk, await settle(at), timer())
    results[at] = result
    if ((chunk.failhard ?? parts.failhard) === true && !parts.test && result.result === false) break
  }
  for (const { at, chunk } of listenersOf(chunks, requisites, run)) {
    if (parts.signal.aborted) return run
    const timer = startTimer()
    keep(listenerTag(chunk), chunk, await callState(call, chunk, { ...howOf(at, true), watchOnly: true }), timer())
  }
  for (const { at, tag, name, comment } of lostListened(requisites))
    keep(tag, { ...chunks[at]!, name }, failed(comment), startTimer()())
  return run
}

/** What becomes of a state that its requisites keep from being called; undefined: it is called. */
function doneBy(verdict: Verdict, chunks: readonly Chunk[]): Done | undefined {
  switch (verdict.kind) {
    case 'run':
      return undefined
    case 'not_found':
      return notRun(false, notFoundComment(verdict.lost))
    case 'skip':
      return notRun(true, verdict.comment)
    case 'failed':
      return notRun(false, failedComment(verdict.by, chunks))
  }
}

function requiredOf<K extends StateKind>({ compiled, registry }: RunParts<K>, own: readonly Resolved[]) {
  return own
    .filter(({ kind }) => kind === 'require' || kind === 'require_any')
    .flatMap(({ chunks }) => chunks)
    .map(at => {
      const chunk = compiled.chunks[at]!
      const fun = functionOf(chunk)
      return { fun, name: chunk.name, args: argumentsOf(chunk, registry.get(fun) as Parameters<typeof argumentsOf>[1]) }
    })
}
