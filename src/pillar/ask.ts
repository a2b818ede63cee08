// Where a minion's pillar comes from: the master, or without one this machine's own pillar_roots.
import type { NatsConnection } from '@nats-io/transport-node'
import { requestJson } from '../bus/request.ts'
import type { Subjects } from '../protocol/subject.ts'
import type { PillarCompiler } from './compile.ts'
import type { OwnPillarParts } from './own-pillar.ts'
import { saidOf } from './problems.ts'
import { decodeAnswer, type MinionPillarRequest, type PillarAnswer } from './protocol.ts'
import type { PillarSecrets } from './secrets.ts'

type Ask = OwnPillarParts['ask']

interface Asking {
  id: string
  grains(): Readonly<Record<string, unknown>>
  /** The minion's own, where a call names none. */
  pillarenv: string | undefined
}

const ANSWER_WITHIN_MS = 30_000

export function askMaster(nc: NatsConnection, subjects: Subjects, { id, grains, pillarenv }: Asking): Ask {
  return async request => {
    const body: MinionPillarRequest = { ...(pillarenv ? { pillarenv } : {}), ...request, grains: { ...grains() } }
    const subject = subjects.ofMinion('pillar', id)
    const answer = await requestJson(nc, subject, body, { timeoutMs: ANSWER_WITHIN_MS, what: 'pillar' })
    return decodeAnswer<PillarAnswer>(answer)
  }
}

export function askHere(compiler: PillarCompiler, secrets: PillarSecrets, { id, grains, pillarenv }: Asking): Ask {
  return async ({ keep: _keep, ...request }) => {
    const asked = { ...(pillarenv ? { pillarenv } : {}), ...request }
    const { value, problems } = await compiler.compile({ ...asked, id, grains: grains() })
    const revealed = secrets.reveal(value)
    return {
      value: revealed.value as Record<string, unknown>,
      // Whoever runs it here may read the files too.
      errors: saidOf(problems, false),
      secrets: revealed.secrets,
    }
  }
}
