// Real pipes for what a child writes. Node's own are socket pairs: on those `echo x > /dev/stderr` fails in the child, and
// one cannot be given to stdout and stderr at once, so that what was written in turn is read out of turn.
import { execFile } from 'node:child_process'
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

export interface Pipe {
  /** Reads what the child writes; closes once every holder of the other end has closed it. */
  readonly reader: Socket
  /** The child's end; the parent closes it once the child has it. */
  readonly childFd: number
}

/** That many pipes, made by way of the folder `dir`, or undefined where the system has no `mkfifo`. */
export async function openPipes(dir: string, count: number): Promise<Pipe[] | undefined> {
  const paths = Array.from({ length: count }, (_, index) => join(dir, `pipe${index}`))
  return (await mkfifo(paths)) ? paths.map(openPipe) : undefined
}

function mkfifo(paths: string[]): Promise<boolean> {
  return new Promise(resolve => {
    execFile('mkfifo', ['-m', '600', ...paths], error => resolve(error === null))
  })
}

function openPipe(path: string): Pipe {
  // A reader that does not block may come first; the child's end must block, as programs expect of their output.
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const childFd = openSync(path, constants.O_WRONLY)
  return { reader: new Socket({ fd: readFd, readable: true, writable: false }), childFd }
}
