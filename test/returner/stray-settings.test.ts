import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findReturners } from '../../src/returner/load.ts'
import { straySettings, warnOfStraySettings } from '../../src/returner/stray-settings.ts'
import { keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'

const returners = await findReturners()

describe('settings that no returner reads', () => {
  it.each([
    ['mysqll.host', "'mysqll.host' is a setting of no returner that there is. Did you mean 'mysql'?"],
    ['other.mysqll.host', "'other.mysqll.host' is a setting of no returner that there is. Did you mean 'mysql'?"],
    [
      'rawfile_json.filname',
      "'rawfile_json.filname': the returner 'rawfile_json' has no setting 'filname'. Did you mean 'filename'?",
    ],
    ['other.rawfile_json.x', "'other.rawfile_json.x': the returner 'rawfile_json' has no setting 'x'."],
  ])('are named: %s', async (key, words) => {
    expect(await straySettings({ [key]: 1, 'syslog.tag': 'x' }, returners)).toEqual([words])
  })

  it('are none where each has its returner', async () => {
    const settings = { 'sqlite.database': '1', 'returner.sqlite.database': '2', 'mysql.sqlite.database': '3' }
    expect(await straySettings(settings, returners)).toEqual([])
  })

  it('are said once in the log', async () => {
    const { log, lines } = keptLog()
    await warnOfStraySettings({ module_dirs: [], returner_settings: { 'mysqll.host': 1, 'x.y': 2 } }, log)
    expect(lines.items).toMatchObject([
      {
        msg: 'settings that no returner reads',
        settings: [expect.stringContaining('mysqll'), expect.stringContaining('x.y')],
      },
    ])
  })

  it('are not said where there are none, or where they cannot be checked', async () => {
    const dir = await testFolder()
    await mkdir(join(dir, 'returners'))
    await writeFile(join(dir, 'returners', 'No-Name.mjs'), '')
    const { log, lines } = keptLog()
    await warnOfStraySettings({ module_dirs: [dir], returner_settings: {} }, log)
    await warnOfStraySettings({ module_dirs: [], returner_settings: { 'syslog.tag': 'x' } }, log)
    expect(lines.items).toEqual([])
    await warnOfStraySettings({ module_dirs: [dir], returner_settings: { 'mysqll.host': 1 } }, log)
    expect(lines.items).toMatchObject([{ msg: 'the settings of returners could not be checked' }])
  })
})
