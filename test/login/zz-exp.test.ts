import { createUser } from '@nats-io/nkeys'
import { expect, it, vi } from 'vitest'
import { connectAs, minionAttempt, openDoor, startDoorkeeper } from './door.ts'
vi.mock('../../src/login/jwt.ts', async (orig) => { const o = await orig() as any; return o })
it('exp', async () => {
  const door = await openDoor()
  await startDoorkeeper(door, { auto_accept: true })
  const m = await minionAttempt(door, 'web1', createUser())
  const nc = await connectAs(door, 'callout', '_INBOX')
  const r = await nc.request('$SYS.REQ.SERVER.PING.CONNZ', JSON.stringify({ auth: true, acc: 'FLEET' }))
  console.log(r.string())
  const errs: string[] = []
  void (async () => { for await (const s of m.status()) errs.push(JSON.stringify(s) + String((s as any).error?.message ?? '')) })()
  for (let i = 0; i < 20; i++) m.subscribe(`_INBOX_web1.x${i}`, { callback: () => {} })
  await m.flush().catch(e => console.log('flush', e.message))
  await new Promise(r => setTimeout(r, 300))
  console.log(errs.slice(0, 4), m.isClosed())
})
