import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { stateCaller } from './call.ts'

/** A real init script: its service is a process of its own, named in a pid file; what it was asked for is in its log. */
const INIT_SCRIPT = `#!/bin/sh
pidfile=$0.pid
[ "$1" = status ] || echo "$1" >> "$0.log"
running() { [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case $1 in
  start) running && exit 0; sleep 1000 >/dev/null 2>&1 & echo $! > "$pidfile" ;;
  stop) running && kill -9 "$(cat "$pidfile")"; rm -f "$pidfile" ;;
  restart) running && kill -9 "$(cat "$pidfile")"; sleep 1000 >/dev/null 2>&1 & echo $! > "$pidfile" ;;
  reload) running ;;
  status) running || exit 3 ;;
esac
`
const BROKEN_SCRIPT = '#!/bin/sh\necho "cannot bind to port 80"; [ "$1" = status ] && exit 3; exit 7\n'
/** Links as update-rc.d(8) does, in the folder of the test. */
const UPDATE_RC = `#!/bin/sh
cd "$(dirname "$0")/rc3.d" || exit 1
case $2 in
  defaults) ls | grep -q "^...$1$" || ln -s "../init.d/$1" "S01$1" ;;
  enable) rm -f "K01$1"; ln -sf "../init.d/$1" "S01$1" ;;
  disable) rm -f "S01$1"; ln -sf "../init.d/$1" "K01$1" ;;
esac
`

async function machine() {
  const folder = await testFolder()
  const script = async (path: string, text: string) => {
    await writeFile(join(folder, path), text)
    await chmod(join(folder, path), 0o755)
    return join(folder, path)
  }
  for (const dir of ['init.d', 'rc3.d']) await mkdir(join(folder, dir))
  await script('init.d/web', INIT_SCRIPT)
  await script('init.d/broken', BROKEN_SCRIPT)
  const update_rc = await script('update-rc', UPDATE_RC)
  const caller = stateCaller({ config: { service: { init_dir: join(folder, 'init.d'), update_rc } } })
  onTestFinished(() => caller.call('service.dead', { name: 'web' }).then(() => undefined))
  const log = async () => (await readFile(join(folder, 'init.d/web.log'), 'utf8').catch(() => '')).trim().split('\n')
  return { ...caller, log }
}

describe('states of service', () => {
  const name = 'web'

  it('start what does not run, and leave alone what does', async () => {
    const { call, test, log } = await machine()
    const start = { result: null, changes: { web: true }, comment: 'Service web is set to start' }
    expect(await test('service.running', { name })).toEqual(start)
    expect(await call('service.running', { name })).toEqual({
      result: true,
      changes: { web: true },
      comment: 'Started service web',
    })
    const again = { result: true, changes: {}, comment: 'The service web is already running' }
    expect(await call('service.running', { name })).toEqual(again)
    expect(await test('service.running', { name })).toEqual(again)
    expect(await log()).toEqual(['start'])
  })

  it('stop what runs, and take what is not there for dead', async () => {
    const { call, test } = await machine()
    await call('service.running', { name })
    expect(await test('service.dead', { name })).toMatchObject({
      result: null,
      comment: 'Service web is set to be killed',
    })
    expect(await call('service.dead', { name })).toEqual({
      result: true,
      changes: { web: false },
      comment: 'Service web was killed',
    })
    expect(await call('service.dead', { name })).toMatchObject({
      changes: {},
      comment: 'The service web is already dead',
    })
    const none = { result: true, changes: {}, comment: 'The named service nope is not available' }
    expect(await call('service.dead', { name: 'nope' })).toEqual(none)
  })

  it('restart, or reload, where what they watch has changed', async () => {
    const { call, test, watch, log } = await machine()
    await call('service.running', { name })
    expect(await watch('service.running', { name })).toEqual({
      result: true,
      changes: { web: true },
      comment: 'Service restarted',
    })
    expect(await watch('service.running', { name, reload: true })).toMatchObject({ comment: 'Service reloaded' })
    expect(await watch('service.running', { name, full_restart: true })).toMatchObject({
      comment: 'Service fully restarted',
    })
    expect(await watch('service.dead', { name })).toMatchObject({ comment: 'Service stopped', changes: { web: true } })
    expect(await watch('service.dead', { name })).toMatchObject({ changes: {}, comment: 'Service is already stopped' })
    expect(await watch('service.running', { name })).toMatchObject({ comment: 'Service started' })
    expect(await log()).toEqual(['start', 'restart', 'reload', 'stop', 'start', 'stop', 'start'])
    expect(await test('service.running', { name })).toMatchObject({ result: true })
  })

  it('have it started with the machine, or not', async () => {
    const { call, test } = await machine()
    expect(await call('service.running', { name, enable: true })).toEqual({
      result: true,
      changes: { web: true },
      comment: 'Service web has been enabled, and is running',
    })
    expect(await call('service.running', { name, enable: true })).toMatchObject({ changes: {} })
    expect(await test('service.running', { name, enable: false })).toEqual({
      result: null,
      changes: { web: false },
      comment: 'Service web set to be disabled',
    })
    expect(await call('service.dead', { name, enable: false })).toMatchObject({
      result: true,
      changes: { web: false },
      comment: 'Service web has been disabled, and is dead',
    })
    expect(await call('service.enabled', { name })).toEqual({
      result: true,
      changes: { web: true },
      comment: 'Service web has been enabled, and is in the desired state',
    })
    expect(await call('service.enabled', { name })).toMatchObject({ changes: {} })
    expect(await call('service.disabled', { name })).toMatchObject({ result: true, changes: { web: false } })
    expect(await call('service.disabled', { name })).toEqual({
      result: true,
      changes: {},
      comment: 'Service web is already disabled, and is in the desired state',
    })
  })

  it('say why a service does not start, and that there is none', async () => {
    const { call, test } = await machine()
    const broken = await call('service.running', { name: 'broken' })
    expect(broken).toMatchObject({ result: false, changes: {} })
    expect(broken.comment).toContain('Service broken failed to start: ')
    expect(broken.comment).toContain('cannot bind to port 80')
    const none = { result: false, changes: {}, comment: 'The named service nope is not available' }
    expect(await call('service.running', { name: 'nope' })).toEqual(none)
    expect(await call('service.enabled', { name: 'nope' })).toEqual(none)
    expect(await test('service.running', { name: 'nope' })).toMatchObject({ result: null })
    await expect(call('service.running', { name: '../web' })).rejects.toThrow('is no name of a service')
  })
})
