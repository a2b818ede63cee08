import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectBus } from '../../src/bus/connect.ts'
import { identityIn } from '../../src/bus/identity.ts'
import { followLink } from '../../src/bus/link.ts'
import { minionInbox } from '../../src/protocol/inbox.ts'
import { minionUser } from '../../src/protocol/login.ts'
import { keptLog } from '../helpers/core.ts'
import { createSeen, within } from '../helpers/wait.ts'
import { connectAs, type Door, openDoor, startDoorkeeper } from '../login/door.ts'

const ADVICE = 'the master has to accept the key of web1'

/** A minion `web1` as it connects, with what it logs. */
async function comeIn(door: Pick<Door, 'server' | 'dir'>) {
  const seedFile = join(door.dir, 'web1.nk')
  const nkey = await identityIn(seedFile)
  const { log, lines } = keptLog()
  const connecting = connectBus({
    servers: door.server.url,
    namespace: 'reactor',
    name: 'web1',
    seedFile,
    user: minionUser('web1'),
    password: '',
    inboxPrefix: minionInbox('web1'),
    refusedAdvice: ADVICE,
    patient: true,
    log,
  })
  void connecting.then(bus => onTestFinished(() => bus.close()))
  return { nkey, connecting, lines }
}

type Master = Awaited<ReturnType<typeof startDoorkeeper>>
const decide = ({ keys }: Master, nkey: string, state: 'accepted' | 'rejected') =>
  keys.change('web1', () => ({ id: 'web1', own: { nkey, since: Date.now(), state } }))

/** Counts the logins that the callout is asked about, beside the master. */
async function countLogins(door: Door) {
  const nc = await connectAs(door, 'callout', '_INBOX')
  onTestFinished(() => nc.close())
  const logins = createSeen<true>()
  nc.subscribe('$SYS.REQ.USER.AUTH', { callback: () => logins.push(true) })
  await nc.flush()
  return { more: (count: number) => logins.reach(logins.items.length + count) }
}

describe('a minion whose key waits', () => {
  it('says once what to do, tries in silence, and says when it is in', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const { more } = await countLogins(door)
    const { nkey, connecting, lines } = await comeIn(door)
    const warned = await lines.find(({ msg }) => msg.includes(ADVICE), 'the word that it waits')
    expect(warned).toMatchObject({ level: 40, msg: expect.stringContaining('refused the login') })
    await more(2)
    await decide(master, nkey, 'accepted')
    await within(connecting, 'the login')
    await lines.find(({ msg, level }) => level === 30 && msg.includes('has let it in'), 'the word that it is in')
    expect(lines.items).toHaveLength(2)
  })
})

describe('a minion that is cut off', () => {
  it('says so once, goes on asking, and is back once for all who follow its link', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door)
    const { more } = await countLogins(door)
    const { nkey, connecting, lines } = await comeIn(door)
    await decide(master, nkey, 'accepted')
    const { nc } = await within(connecting, 'the login')
    const links = createSeen<'up' | 'down'>()
    onTestFinished(followLink(nc, { up: () => links.push('up'), down: () => links.push('down') }))
    const before = lines.items.length

    await decide(master, nkey, 'rejected')
    await links.find(link => link === 'down', 'the cut')
    await more(3)
    await decide(master, nkey, 'accepted')
    await links.find(link => link === 'up', 'the return')
    await nc.flush()
    const said = lines.items.slice(before).map(({ msg }) => msg)
    expect(said).toEqual([
      expect.stringContaining('connection to the NATS server lost'),
      expect.stringContaining(ADVICE),
      expect.stringContaining('connected to the NATS server again'),
    ])
    expect(links.items).toEqual(['down', 'up'])
  })

  it('comes back by itself where only its login has run out, and says nothing of it', async () => {
    const door = await openDoor()
    const master = await startDoorkeeper(door, { login_ttl: '2s' })
    const { nkey, connecting, lines } = await comeIn(door)
    await decide(master, nkey, 'accepted')
    const { nc } = await within(connecting, 'the login')
    const before = lines.items.length
    const links = createSeen<'up'>()
    onTestFinished(followLink(nc, { up: () => links.push('up') }))
    await links.reach(2)
    expect(nc.isClosed()).toBe(false)
    expect(lines.items.slice(before)).toEqual([])
  })
})

describe('a server that answers nothing', () => {
  it('is said to be one, and that perhaps no master answers logins', async () => {
    const silent = createServer()
    onTestFinished(() => void silent.close())
    const port = await new Promise<number>(done => {
      silent.listen(0, '127.0.0.1', () => done((silent.address() as { port: number }).port))
    })
    const { log } = keptLog()
    const login = { user: minionUser('web1'), patient: false, log }
    const connecting = connectBus({
      servers: `nats://ada:secret@127.0.0.1:${port}`,
      namespace: 'reactor',
      name: 'web1',
      ...login,
    })
    await expect(connecting).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^no answer to the login at nats:\/\/127.*no master that answers the logins/),
    })
  })
})
