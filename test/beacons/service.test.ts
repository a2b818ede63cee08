import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import service from '../../src/beacons/service.ts'
import { testFolder } from '../helpers/folder.ts'
import { openBeacon } from './open.ts'

/** A folder of init scripts whose services run while a file is there. */
async function services(
  ...names: string[]
): Promise<{ init_dir: string; up(name: string): Promise<void>; down(name: string): Promise<void> }> {
  const init_dir = await testFolder()
  for (const name of names) {
    await writeFile(join(init_dir, name), '#!/bin/sh\ntest -f $0.up || exit 3\n')
    await chmod(join(init_dir, name), 0o755)
  }
  const mark = (name: string) => join(init_dir, `${name}.up`)
  return { init_dir, up: name => writeFile(mark(name), ''), down: name => rm(mark(name)) }
}

describe('the beacon service', () => {
  it('tells of each service whether it runs', async () => {
    const { init_dir, up, down } = await services('web', 'db')
    const { poll } = await openBeacon(service, { services: { web: {}, db: null } }, { service: { init_dir } })
    await up('web')
    expect(await poll()).toEqual([
      {
        ...{ tag: 'web', state: 'running', telling: {} },
        data: { web: { running: true }, service_name: 'web', running: true },
      },
      {
        ...{ tag: 'db', state: 'stopped', telling: {} },
        data: { db: { running: false }, service_name: 'db', running: false },
      },
    ])
    await down('web')
    expect((await poll())[0]).toMatchObject({ state: 'stopped', data: { running: false } })
  })

  it('tells of a service that does not run whether it left its pid file', async () => {
    const { init_dir, up } = await services('web')
    const uncleanshutdown = join(init_dir, 'web.pid')
    const { poll } = await openBeacon(service, { services: { web: { uncleanshutdown } } }, { service: { init_dir } })
    expect((await poll())[0]!.data.web).toEqual({ running: false, uncleanshutdown: false })
    await writeFile(uncleanshutdown, '1')
    expect((await poll())[0]!.data.web).toEqual({ running: false, uncleanshutdown: true })
    await up('web')
    expect((await poll())[0]!.data.web).toEqual({ running: true })
  })

  it('hands on how each is to be told', async () => {
    const { init_dir } = await services('web')
    const telling = { onchangeonly: true, delay: 3, emitatstartup: false }
    const { poll } = await openBeacon(service, { services: { web: telling } }, { service: { init_dir } })
    expect(await poll()).toMatchObject([{ telling }])
  })

  it('goes on with the others where one does not say whether it runs', async () => {
    const { init_dir } = await services('web', 'odd')
    await writeFile(join(init_dir, 'odd'), '#!/bin/sh\necho no idea; exit 42\n')
    const { poll, lines } = await openBeacon(service, { services: { odd: {}, web: {} } }, { service: { init_dir } })
    expect(await poll()).toMatchObject([{ tag: 'web' }])
    expect(await poll()).toMatchObject([{ tag: 'web' }])
    expect(lines.items).toHaveLength(1)
    expect(lines.items[0]!.msg).toContain("whether the service 'odd' runs is not known")
    // One of which it was known is as it was, and not told.
    await writeFile(join(init_dir, 'web'), '#!/bin/sh\nexit 42\n')
    expect(await poll()).toMatchObject([{ tag: 'web', state: 'stopped', tell: false }])
  })

  it('refuses names that are none, and options that there are not', async () => {
    await expect(openBeacon(service, { services: { '../web': {} } })).rejects.toMatchObject({ code: 'bad_config' })
    await expect(openBeacon(service, { services: { running: {} } })).rejects.toThrow("have a field 'running'")
    await expect(openBeacon(service, { services: { web: { onchange: true } } })).rejects.toThrow('onchange')
    await expect(openBeacon(service, { services: {} })).rejects.toThrow('at least one service')
    await expect(openBeacon(service, {})).rejects.toThrow('services')
  })
})
