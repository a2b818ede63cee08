// A Redis server for tests, in which there is nothing.
import { join } from 'node:path'
import { type DatabaseServer, type Found, findProgram, startDatabase } from './database.ts'

const server = findProgram('redis-server')

export const hasRedis: Found = {
  yes: server !== undefined,
  reason: "there is no Redis on this machine: install Debian's package redis-server",
}

export interface TestRedis extends DatabaseServer {
  /** Those of a config. */
  readonly settings: { 'redis.host': string; 'redis.port': number }
  readonly socket: string
}

/** `more`: arguments such as `--maxmemory 10mb`. What was written is there again after a restart and a crash. */
export async function startRedis(...more: string[]): Promise<TestRedis> {
  const socketIn = (dir: string) => join(dir, 'redis.sock')
  const started = await startDatabase({
    user: 'redis',
    install: async () => undefined,
    command(dir, port) {
      const where = ['--bind', '127.0.0.1', '--port', String(port), '--unixsocket', socketIn(dir), '--dir', dir]
      // Written with each command: where a sync of the disk takes long, the usual setting writes later, and a kill loses that.
      const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no']
      // What it has to say it says on its standard output.
      return { file: 'sh', args: ['-c', 'exec "$0" "$@" >&2', server!, ...where, ...kept, ...more] }
    },
    ready: /Ready to accept connections/,
    ending: 'SIGTERM',
  })
  const settings = { 'redis.host': '127.0.0.1', 'redis.port': started.port }
  return { ...started, settings, socket: socketIn(started.dir) }
}
