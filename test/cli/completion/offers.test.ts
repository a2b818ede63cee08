import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { openClient } from '../../../src/cli/client.ts'
import { offers } from '../../../src/cli/completion/offers.ts'
import { useConnection } from '../../helpers/connected.ts'
import { testFolder } from '../../helpers/folder.ts'
import { giveToStranger } from '../../helpers/stranger.ts'
import { createSeen } from '../../helpers/wait.ts'

const shared = useConnection()
afterEach(() => void vi.restoreAllMocks())

it('a completion asks the reactor of the folder, and says and does nothing where a stranger has put it there', async () => {
  const home = await testFolder()
  const file = join(home, 'var/up.json')
  await mkdir(join(home, 'var'), { mode: 0o700 })
  const up = { server: shared.server.url, namespace: 'own', user: 'ada', pid: 1, minion: { config: 'c' } }
  await writeFile(file, JSON.stringify(up), { mode: 0o600 })
  vi.spyOn(process, 'cwd').mockReturnValue(home)
  const asked = createSeen<string>()
  shared.nc.subscribe('own.publish', {
    callback(_error, message) {
      asked.push(message.subject)
      message.respond(JSON.stringify({ minions: ['web1'] }))
    },
  })
  await shared.nc.flush()
  expect(await offers.minions({})).toEqual([{ value: 'web1' }])
  expect(asked.items).toHaveLength(1)
  await giveToStranger(file)
  await expect(openClient({})).rejects.toMatchObject({ code: 'bad_config' })
  expect(await offers.minions({})).toEqual([])
  expect(asked.items).toHaveLength(1)
})
