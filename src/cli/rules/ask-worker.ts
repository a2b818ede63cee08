// What commands about rules ask of a job worker.
import { callFunction } from '../call-service.ts'
import type { Client } from '../client.ts'

/** A worker may have thousands of rules to compile. */
const TIMEOUT_MS = 60_000

/** Calls a runner function. Throws its failure, `unreachable`, `timeout`. */
export const askWorker = <T>(client: Client, fun: string, kwarg: Record<string, unknown> = {}): Promise<T> =>
  callFunction<T>(client, 'runner', fun, { arg: [], kwarg }, TIMEOUT_MS)
