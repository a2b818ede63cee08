// Connects, makes one request, prints the answer: what any command on this client costs at the least.
import { connect } from '@nats-io/transport-node'

const [servers, subject] = process.argv.slice(2)
const nc = await connect({ servers })
const reply = await nc.request(subject, 'ping', { timeout: 5000 })
process.stdout.write(JSON.stringify(reply.string()))
await nc.close()
