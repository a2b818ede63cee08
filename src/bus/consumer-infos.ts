// How far durable consumers are, of those that there are. Each is asked for: a list leaves out those whose node does not answer.
import { type ConsumerInfo, JetStreamApiCodes, type JetStreamManager } from '@nats-io/jetstream'

/** By name. Throws where the server does not answer for one of them. */
export async function consumerInfos(
  jsm: JetStreamManager,
  stream: string,
  names: readonly string[],
): Promise<Map<string, ConsumerInfo>> {
  const ask = async (name: string) => {
    try {
      return [await jsm.consumers.info(stream, name)]
    } catch (error) {
      if ((error as { code?: number }).code === JetStreamApiCodes.ConsumerNotFound) return []
      throw error
    }
  }
  return new Map((await Promise.all(names.map(ask))).flat().map(info => [info.name, info]))
}
