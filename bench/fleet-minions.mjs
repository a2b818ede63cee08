// Many minions in one process: a real connection each, and as little as a minion can be. On a job it answers that it has
// taken it and fires its return as an event, which the server acks; on a broadcast it answers, for the raw loop.
import { connect } from '@nats-io/transport-node'
import { createSubjects } from '../dist/protocol/subject.js'
import { minionOrigin } from '../dist/protocol/origin.js'

const [servers, namespace, broadcast, count] = process.argv.slice(2)
const subjects = createSubjects(namespace)
const TAKEN = JSON.stringify({ accepted: true })
const AT_ONCE = 100

let next = 0
const open = async () => {
  while (next < Number(count)) await startMinion(`m${next++}`)
}
await Promise.all(Array.from({ length: AT_ONCE }, open))
process.send({ ready: true })

async function startMinion(id) {
  const nc = await connect({ servers, noAsyncTraces: true })
  const inbox = `_INBOX.${id}`
  nc.subscribe(`${inbox}.>`, {
    callback: (_error, ack) => {
      if (!ack.string().includes('"seq"')) process.stderr.write(`${id}: ${ack.string()}\n`)
    },
  })
  nc.subscribe(subjects.job(id), {
    callback: (_error, message) => {
      const { jid, fun } = JSON.parse(message.string())
      message.respond(TAKEN)
      const tag = `salt/job/${jid}/ret/${id}`
      const data = { id, jid, fun, fun_args: [], return: true, retcode: 0, success: true, cmd: '_return' }
      const body = JSON.stringify({ tag, data, _stamp: new Date().toISOString() })
      nc.publish(subjects.event(minionOrigin(id), tag), body, { reply: `${inbox}.${jid}` })
    },
  })
  nc.subscribe(broadcast, { callback: (_error, message) => void message.respond('true') })
  await nc.flush()
}
