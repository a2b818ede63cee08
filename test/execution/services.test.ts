import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { detectServices } from '../../src/execution/services/detect.ts'
import type { ServiceProvider } from '../../src/execution/services/provider.ts'
import { createSystemd } from '../../src/execution/services/systemd.ts'
import { createSysvinit } from '../../src/execution/services/sysvinit.ts'

const limits = { timeoutMs: 15_000 }
/** A real init script: its service is a process of its own, named in a pid file. */
const INIT_SCRIPT = `#!/bin/sh
pidfile=$0.pid
running() { [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case $1 in
  start) running && exit 0; sleep 1000 >/dev/null 2>&1 & echo $! > "$pidfile" ;;
  stop) running && kill -9 "$(cat "$pidfile")"; rm -f "$pidfile" ;;
  restart) "$0" stop; "$0" start ;;
  status) running || exit 3 ;;
esac
`
const BROKEN_SCRIPT = '#!/bin/sh\necho "cannot bind to port 80"; [ "$1" = status ] && exit 42; exit 7\n'

async function script(path: string, text: string): Promise<string> {
  await writeFile(path, text)
  await chmod(path, 0o755)
  return path
}

describe('services of init scripts', () => {
  let initDir: string
  let services: ServiceProvider
  beforeEach(async () => {
    initDir = await mkdtemp(join(tmpdir(), 'reactor-init-'))
    await script(join(initDir, 'web'), INIT_SCRIPT)
    await script(join(initDir, 'broken'), BROKEN_SCRIPT)
    await writeFile(join(initDir, 'README'), 'no service')
    services = createSysvinit({ initDir })
  })
  afterEach(() => services.act('stop', 'web', limits))

  it('start, stop and restart a real process, and know whether it runs', async () => {
    expect(await services.status('web', limits)).toBe(false)
    await services.act('start', 'web', limits)
    expect(await services.status('web', limits)).toBe(true)
    await services.act('restart', 'web', limits)
    expect(await services.status('web', limits)).toBe(true)
    await services.act('stop', 'web', limits)
    expect(await services.status('web', limits)).toBe(false)
  })

  it('are the executable files of the folder', async () => {
    expect(await services.list(limits)).toEqual(['broken', 'web'])
    expect(await services.available('web', limits)).toBe(true)
    expect(await services.available('README', limits)).toBe(false)
  })

  it('say why one does not start, and when its status means nothing', async () => {
    await expect(services.act('start', 'broken', limits)).rejects.toThrow(
      "cannot start the service 'broken' (return code 7): cannot bind to port 80",
    )
    await expect(services.status('broken', limits)).rejects.toThrow(/does not say whether it runs \(return code 42\)/)
  })

  it('suggest the name that was meant', async () => {
    await expect(services.act('start', 'webb', limits)).rejects.toThrow(/no service 'webb'.* Did you mean 'web'\?/)
    expect(await services.status('webb', limits)).toBe(false)
  })

  it.each(['../web', '/bin/true', '-x', '.', '..', 'a b', '', 'web;id', 'web*'])('refuse the name %j', async name => {
    for (const attempt of [services.status, services.available]) {
      await expect(Promise.resolve().then(() => attempt(name, limits))).rejects.toThrow('is no name of a service')
    }
    await expect(services.act('start', name, limits)).rejects.toThrow('is no name of a service')
  })
})

/** Stands in for systemctl with its exit codes and output, as this machine may have no systemd to ask. */
const SYSTEMCTL = `#!/bin/sh
state=$(dirname "$0")/state
shift 2
case "$1 $*" in
  "show "*NeedDaemonReload*) cat "$state.reload" 2>/dev/null || echo no ;;
  "show "*nginx.service) echo loaded ;;
  "daemon-reload "*) rm "$state.reload"; echo reloaded >> "$state.log" ;;
  "is-enabled "*nginx.service) cat "$state.boot" 2>/dev/null || { echo disabled; exit 1; } ;;
  "enable "*) echo enabled > "$state.boot" ;;
  "disable "*) rm "$state.boot" ;;
  "show "*) echo not-found ;;
  "list-unit-files "*) printf 'nginx.service enabled enabled\\nssh.service disabled enabled\\n' ;;
  "is-active "*nginx.service) [ "$(cat "$state" 2>/dev/null)" = start ] || exit 3 ;;
  "is-active "*) exit 4 ;;
  "stop "*) echo 'Failed to stop nginx.service: Access denied' >&2; exit 4 ;;
  *) echo "$1" > "$state" ;;
esac
`

describe('services of systemd', () => {
  it('are asked for and acted on by systemctl, as units', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-systemd-'))
    const services = createSystemd({ systemctl: await script(join(dir, 'systemctl'), SYSTEMCTL) })
    expect(await services.list(limits)).toEqual(['nginx', 'ssh'])
    expect(await services.status('nginx', limits)).toBe(false)
    await services.act('start', 'nginx', limits)
    expect(await services.status('nginx.service', limits)).toBe(true)
    expect(await services.available('ngin', limits)).toBe(false)
    await expect(services.act('start', 'ngin', limits)).rejects.toThrow(/no service 'ngin'.*Did you mean 'nginx'\?/)
    await expect(services.act('stop', 'nginx', limits)).rejects.toThrow('Access denied')
    await expect(services.act('stop', '--force', limits)).rejects.toThrow('is no name of a service')
  })
})

describe('what starts with the machine', () => {
  it('is said to systemd', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-systemd-'))
    const services = createSystemd({ systemctl: await script(join(dir, 'systemctl'), SYSTEMCTL) })
    expect(await services.enabled('nginx', limits)).toBe(false)
    await services.setBoot('enable', 'nginx', limits)
    expect(await services.enabled('nginx', limits)).toBe(true)
    await services.setBoot('disable', 'nginx', limits)
    expect(await services.enabled('nginx', limits)).toBe(false)
    await expect(services.setBoot('enable', 'ngin', limits)).rejects.toThrow(
      /no service 'ngin'.*Did you mean 'nginx'\?/,
    )
  })

  it('has systemd read its units again where a file of one has changed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-systemd-'))
    const services = createSystemd({ systemctl: await script(join(dir, 'systemctl'), SYSTEMCTL) })
    await writeFile(join(dir, 'state.reload'), 'yes\n')
    await services.act('start', 'nginx', limits)
    await services.act('restart', 'nginx', limits)
    expect(await readFile(join(dir, 'state.log'), 'utf8')).toBe('reloaded\n')
  })

  it('is linked for init scripts by the program that the machine has for it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-init-'))
    for (const folder of ['init.d', 'rc3.d']) await mkdir(join(dir, folder))
    await script(join(dir, 'init.d/web'), INIT_SCRIPT)
    const link = 'cd "$(dirname "$0")/rc3.d"; [ "$2" = disable ] && rm S01web || ln -sf ../init.d/web S01web\n'
    const updateRc = await script(join(dir, 'update-rc'), `#!/bin/sh\n${link}`)
    const services = createSysvinit({ initDir: join(dir, 'init.d'), updateRc })
    expect(await services.enabled('web', limits)).toBe(false)
    await services.setBoot('enable', 'web', limits)
    expect(await services.enabled('web', limits)).toBe(true)
    await services.setBoot('disable', 'web', limits)
    expect(await services.enabled('web', limits)).toBe(false)
    const without = createSysvinit({ initDir: join(dir, 'init.d'), updateRc: join(dir, 'none') })
    await expect(without.setBoot('enable', 'web', limits)).rejects.toThrow(
      "cannot enable the service 'web' (return code 127)",
    )
  })
})

describe('the service manager', () => {
  it('is systemd only where systemd runs, then the init scripts', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'reactor-detect-'))
    const [systemdMark, initDir] = [join(dir, 'systemd'), join(dir, 'init.d')]
    const found = () => detectServices({}, { systemdMark, initDir }).name
    expect(found).toThrow(/no service manager was found here: systemd is not running .* use cmd\.run/)
    await mkdir(initDir)
    expect(found()).toBe('sysvinit')
    await mkdir(systemdMark)
    expect(found()).toBe('systemd')
    expect(detectServices({ service: { init_dir: initDir } }, { systemdMark, initDir }).name).toBe('sysvinit')
  })

  it.each(['relative', '/no/such/folder', 5])('is not taken from the folder %j', init_dir => {
    expect(() => detectServices({ service: { init_dir } })).toThrow(
      `service.init_dir: expected the absolute path of a folder, got ${JSON.stringify(init_dir)}`,
    )
  })
})
