// `reactor up --nats URL`: the server is somebody else's, so it has to answer, and its accounts have to be there already.
import { writeFile } from 'node:fs/promises'
import { ReactorError } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'
import { connectBus, withoutPassword } from '../bus/connect.ts'
import { accountsConfig } from '../bus/server/config.ts'
import type { Identities } from '../bus/server/identities.ts'
import type { TlsFiles } from '../bus/tls.ts'
import type { DataFolder } from './folder.ts'

export interface ExistingServer {
  folder: DataFolder
  namespace: string
  /** One address, or several with commas. */
  server: string
  /** Undefined: without accounts, for tests. */
  identities: Identities | undefined
  /** A service's key, to try the door with. */
  seedFile: string
  tls: TlsFiles | undefined
}

/**
 * Throws `unreachable` where the server does not answer. With identities it writes the accounts that the server needs
 * beside our keys, and throws `forbidden`, with what to do, where it has them not.
 */
export async function requireServer({
  folder,
  namespace,
  server,
  identities,
  seedFile,
  tls,
}: ExistingServer): Promise<void> {
  if (identities) await writeFile(folder.accountsConfig, accountsConfig(namespace, identities), { mode: 0o600 })
  const advice = identities
    ? `include ${folder.accountsConfig} in its config, or pass --isolation none if it is a bare server on loopback for tests (that config needs JetStream, and no accounts, system_account or authorization beside those)`
    : 'it has accounts, so leave out --isolation none'
  const bus = await connectBus({
    servers: server.split(','),
    namespace,
    name: 'reactor up',
    seedFile: identities ? seedFile : undefined,
    tls,
    patient: false,
    log: silentLog,
  }).catch((error: unknown) => {
    if (error instanceof ReactorError && error.code === 'forbidden')
      throw new ReactorError('forbidden', `${error.message}: ${advice}`)
    throw error
  })
  const guarded = bus.nc.info?.auth_required === true
  await bus.close()
  if (identities && !guarded)
    throw new ReactorError('forbidden', `the NATS server ${withoutPassword(server)} lets anybody in: ${advice}`)
}
