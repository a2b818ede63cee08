// How large a message may be on a connection.
import type { NatsConnection } from '@nats-io/transport-node'

/** NATS's own default, for as long as no server has said. */
const DEFAULT_BYTES = 1_048_576

/** Bytes of a message, headers and body together, that the server takes. */
export const maxPayload = (nc: Pick<NatsConnection, 'info'>): number => nc.info?.max_payload ?? DEFAULT_BYTES
