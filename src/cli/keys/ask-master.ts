// What commands about keys and join tokens ask of the master.
import { callFunction } from '../call-service.ts'
import type { Client } from '../client.ts'

/** How long the master may take for what it does in memory and with one bucket. */
const TIMEOUT_MS = 15_000

/** Calls a wheel function. Throws its failure, `unreachable`, `timeout`. */
export const askMaster = <T>(client: Client, fun: string, kwarg: Record<string, unknown> = {}): Promise<T> =>
  callFunction<T>(client, 'wheel', fun, { arg: [], kwarg }, TIMEOUT_MS)
