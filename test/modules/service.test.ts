import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('module service', () => {
  it('uses the folder of init scripts that the minion is configured with', async () => {
    const init_dir = await mkdtemp(join(tmpdir(), 'reactor-init-'))
    const script = join(init_dir, 'web')
    await writeFile(
      script,
      '#!/bin/sh\ncase $1 in status) test -f $0.up || exit 3;; stop) rm $0.up;; *) : > $0.up;; esac\n',
    )
    await chmod(script, 0o755)
    const { call } = caller('execution', { config: { service: { init_dir } } } as never)
    expect(await call('service.get_all')).toEqual(['web'])
    expect(await call('service.available', ['web'])).toBe(true)
    expect(await call('service.status', ['web'])).toBe(false)
    expect(await call('service.start', ['web'])).toBe(true)
    expect(await call('service.restart', ['web'], { timeout: '30s' })).toBe(true)
    expect(await call('service.status', ['web'])).toBe(true)
    expect(await call('service.stop', ['web'])).toBe(true)
    expect(await call('service.status', ['web'])).toBe(false)
    await expect(call('service.start', ['wub'])).rejects.toThrow("Did you mean 'web'?")
    await expect(call('service.start', ['../web'])).rejects.toThrow('is no name of a service')
  })
})
