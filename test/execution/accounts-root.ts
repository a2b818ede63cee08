// The accounts of a machine in a folder of the test's own, for the real tools of shadow-utils.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testFolder } from '../helpers/folder.ts'

/** useradd and its kin change no accounts but for root, wherever they are. */
export const mayChangeAccounts = process.getuid?.() === 0

export async function accountsRoot() {
  const prefix = await testFolder()
  const file = (name: string) => join(prefix, 'etc', name)
  for (const dir of ['etc', 'home']) await mkdir(join(prefix, dir))
  await writeFile(file('passwd'), 'root:x:0:0:root:/root:/bin/sh\nfred:x:1000:1000:Fred,,,:/home/fred:/bin/sh\n')
  await writeFile(file('shadow'), 'root:*:1::::::\nfred:!:1::::::\n', { mode: 0o600 })
  await writeFile(file('group'), 'root:x:0:\nfred:x:1000:\nweb:x:1500:fred\nusers:x:100:\n')
  await writeFile(file('gshadow'), 'root:*::\nfred:!::\nweb:!::fred\nusers:!::\n', { mode: 0o600 })
  await writeFile(file('login.defs'), 'USERGROUPS_ENAB yes\n')
  const hashOf = async (user: string) =>
    (await readFile(file('shadow'), 'utf8'))
      .split('\n')
      .find(line => line.startsWith(`${user}:`))
      ?.split(':')[1]
  return { prefix, hashOf, config: { user: { prefix } } }
}
