// Attempts to connect that were given up. The client closes its connection only once the server has said its first words:
// towards one that accepts and says nothing the socket stayed open, so that a command never ended, and a daemon that tries
// for ever had one more of them at each attempt.
import { NodeTransport } from '@nats-io/transport-node/lib/node_transport.js'

const close = NodeTransport.prototype.close

NodeTransport.prototype.close = async function (error) {
  await close.call(this, error)
  this.discard()
}
