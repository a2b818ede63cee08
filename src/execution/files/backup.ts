// Copies of files before they are changed: `backup: minion`, below the minion's own folder as Salt keeps them, and the copy
// beside a file that edits leave.
import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DateTime } from 'luxon'
import type { StateContext } from '../../functions/state-context.ts'
import { writeFileWhole } from './write.ts'

/** The path of the copy: `<minion dir>/file_backup/etc/motd_Sun_Nov_22_06:30:00_123456_2026`. */
export async function backUp(path: string, { dir }: Pick<StateContext, 'dir'>): Promise<string> {
  const now = DateTime.now().setLocale('en-US')
  const micros = String(process.hrtime.bigint() / 1000n).slice(-3)
  const stamp = now.toFormat(`ccc_LLL_dd_HH:mm:ss_SSS'${micros}'_yyyy`)
  const folder = join(dir, 'file_backup', dirname(path).slice(1))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const copy = join(folder, `${basename(path)}_${stamp}`)
  await copyAside(path, copy)
  return copy
}

/** With the owner and permissions of the file; what stands in its place is replaced, and no link there is followed. */
export async function copyAside(path: string, copy: string): Promise<void> {
  const { uid, gid, mode } = await stat(path)
  await writeFileWhole(copy, { file: path }, { user: uid, uid, group: gid, gid, mode: mode & 0o7777 })
}
