// Many minions that log in at once, all in one process: on `{url}` each connects, again and again as minions do where a login is
// not answered in time, and the milliseconds until the last is in are answered; then all leave.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { nkeyLogin } from '../dist/bus/nkey-login.js'
import { minionInbox } from '../dist/protocol/inbox.js'
import { minionUser } from '../dist/protocol/login.js'

const minions = JSON.parse(readFileSync(process.argv[2], 'utf8')).map(({ id, seed }) => {
  const byKey = nkeyLogin(seed)
  const authenticator = nonce => ({ ...byKey(nonce), user: minionUser(id), pass: '' })
  return { authenticator, inboxPrefix: minionInbox(id), timeout: 20_000, reconnect: false, noAsyncTraces: true }
})

async function logIn(options) {
  for (;;) {
    try {
      return await connect(options)
    } catch (error) {
      process.stderr.write(`${error.message}; again\n`)
      await delay(250 + Math.random() * 250)
    }
  }
}

process.on('message', async ({ url }) => {
  const started = performance.now()
  const connections = await Promise.all(minions.map(options => logIn({ servers: url, ...options })))
  const ms = performance.now() - started
  await Promise.all(connections.map(nc => nc.close()))
  process.send({ ms })
})
process.send({ ready: true })
