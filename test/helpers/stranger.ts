// A file or folder as if another user owned it.
import { chown } from 'node:fs/promises'
import { vi } from 'vitest'

/** Root may give it away; for anybody else the test runs as another user until `vi.restoreAllMocks`. */
export async function giveToStranger(path: string): Promise<void> {
  const me = process.getuid!()
  if (me === 0) await chown(path, 65_534, 65_534)
  else vi.spyOn(process, 'getuid').mockReturnValue(me + 1)
}
