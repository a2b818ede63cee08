// A fleet that joins at once: every minion's login is asked about, its key proved, looked up and answered by the auth callout of
// one master, beside the same connections to a server that asks nobody.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createUser } from '@nats-io/nkeys'
import { createStack } from '../dist/base/service.js'
import { makeIdentities } from '../dist/bus/server/identities.js'
import { compare } from './measure.mjs'
import { startMaster, startScript, startServer } from './stage.mjs'

export const title = 'logins of a fleet that joins at once (raw: connections to a server without accounts)'

const MINIONS = 1000

export async function run(stage, { runs }) {
  const stack = createStack()
  try {
    const dir = join(stage.dir, 'logins')
    const keyFile = name => join(dir, `${name}.seed`)
    const identities = await makeIdentities(keyFile)
    const server = stack.add(await startServer(dir, identities))
    const users = Array.from({ length: MINIONS }, (_, n) => ({ id: `m${n}`, pair: createUser() }))
    const seeds = users.map(({ id, pair }) => ({ id, seed: Buffer.from(pair.getSeed()).toString() }))
    const seedsFile = join(dir, 'minions.json')
    await writeFile(seedsFile, JSON.stringify(seeds), { mode: 0o600 })
    const accepted_keys = Object.fromEntries(users.map(({ id, pair }) => [id, pair.getPublicKey()]))
    const callout = { seed: keyFile('callout'), issuer: keyFile('issuer') }
    stack.add(
      await startMaster(join(dir, 'master.json'), {
        servers: [server.url],
        seed: keyFile('master'),
        log_level: 'error',
        master: { callout, accepted_keys },
      }),
    )
    const clients = stack.add(await startScript('login-clients.mjs', [seedsFile]))
    const perSecond = url => async () => MINIONS / ((await clients.ask({ url })).ms / 1000)
    return [
      await compare({
        name: `${MINIONS} logins at once, keys accepted`,
        unit: '/s',
        runs,
        raw: perSecond(stage.url),
        real: perSecond(server.url),
        aim: { of: 'value', atLeast: 500 },
      }),
    ]
  } finally {
    await stack.stop()
  }
}
