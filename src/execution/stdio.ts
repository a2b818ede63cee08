// The three standard streams of a child. They live on by their descriptors alone: the folder they were made in is gone
// before the child starts, so nothing is left behind whatever happens later.
import type { ChildProcess, StdioOptions } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { openPipes } from './pipe.ts'

export interface Stdio {
  /** For `spawn`. */
  readonly stdio: StdioOptions
  /** Once the child has its ends, or has failed to start. */
  closeChildEnds(): void
  /** Gives the child its input, and what it writes: stdout and stderr, or one stream of both. */
  attach(child: ChildProcess): Readable[]
  destroy(): void
}

interface Wants {
  /** The child's whole input; without it the child reads /dev/null. */
  stdin?: string
  mergeStderr?: boolean
}

/** Opens the streams: by files and pipes, or by Node's socket pairs where a disk is full or read-only, or `mkfifo` missing. */
export async function openStdio(wants: Wants): Promise<Stdio> {
  let dir: string | undefined
  try {
    dir = await mkdtemp(join(tmpdir(), 'reactor-run-'))
    return (await openFiles(dir, wants)) ?? socketPairs(wants)
  } catch {
    // A command that is to free a full disk must still run; only `> /dev/stderr` and the order of the streams suffer.
    return socketPairs(wants)
  } finally {
    if (dir !== undefined) await rm(dir, { recursive: true, force: true })
  }
}

async function openFiles(dir: string, wants: Wants): Promise<Stdio | undefined> {
  // A file and no pipe as input: it needs no feeding, and a child that opens /dev/stdin again after its end cannot stall.
  const inputPath = join(dir, 'stdin')
  if (wants.stdin !== undefined) await writeFile(inputPath, wants.stdin, { mode: 0o600 })
  const pipes = await openPipes(dir, wants.mergeStderr ? 1 : 2)
  if (!pipes) return undefined
  const input = wants.stdin === undefined ? 'ignore' : openSync(inputPath, 'r')
  return {
    stdio: [input, pipes[0]!.childFd, pipes.at(-1)!.childFd],
    closeChildEnds() {
      if (input !== 'ignore') closeSync(input)
      for (const pipe of pipes) closeSync(pipe.childFd)
    },
    attach: () => pipes.map(pipe => pipe.reader),
    destroy() {
      for (const pipe of pipes) pipe.reader.destroy()
    },
  }
}

function socketPairs({ stdin }: Wants): Stdio {
  return {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    closeChildEnds: () => {},
    attach(child) {
      // A command may end, or close its input, without having read all of it: that is its right and no error of ours.
      child.stdin?.on('error', () => child.stdin?.destroy())
      child.stdin?.end(stdin)
      return [child.stdout!, child.stderr!]
    },
    destroy: () => {},
  }
}
