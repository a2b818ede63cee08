// Secrets of the pillar in state runs: states use them, and nothing that is told, stored or logged has them.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import { parseConfig } from '../../src/config/load.ts'
import { startCache } from '../../src/processes/cache.ts'
import { startJobs } from '../../src/processes/jobs.ts'
import { startMaster } from '../../src/processes/master.ts'
import { startMinion } from '../../src/processes/minion.ts'
import type { JobReturn } from '../../src/protocol/job.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { followEvents, keptLog } from '../helpers/core.ts'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { allStored } from '../helpers/stored.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const PASSWORD = `Tr0ub"4dor&3 'x' /é+9`
const PIN = '47114711'
const TOKEN = `tok-${'0123456789abcdef'.repeat(20)}`
const KEY = ['-----BEGIN KEY-----', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'Zm9vYmFyYmF6cXV4', '-----END KEY-----'].join(
  '\n',
)

/** What tells of a secret: all of it, or as much as nobody would write by chance. */
const TELLING = [PIN, ...[PASSWORD, TOKEN, ...KEY.split('\n').slice(1, 3)].flatMap(pieces)].flatMap(text => [
  text,
  JSON.stringify(text).slice(1, -1),
  encodeURIComponent(text),
])
function pieces(text: string): string[] {
  return [text.slice(0, 9), text.slice(5, 14), text.slice(-9)]
}

const SLS: Record<string, string> = {
  uses: `
DIR/out/conf:
  file.managed: [{contents_pillar: key, makedirs: true, mode: '0600'}]
DIR/out/conf2:
  file.managed: [{source: 'salt://conf.j2', template: jinja, mode: '0600'}]
DIR/out/appended:
  file.append: [{text: {{ pillar.password | yaml_dquote }}, makedirs: true}]
says it:
  cmd.run: [{name: {{ ('printf %s ' ~ (pillar.password | json)) | yaml_dquote }}, python_shell: false}]
fails with it:
  cmd.run: [{name: {{ ('ls /nowhere/' ~ pillar.pin ~ ' ' ~ pillar.token) | yaml_dquote }}}]
{{ ('id ' ~ pillar.password) | yaml_dquote }}:
  test.succeed_with_changes: [{fire_event: {{ ('with/' ~ pillar.pin) | yaml_dquote }}}]
a number:
  module.run: [{test.echo: [{text: {{ pillar.pin }}}]}]
mine/own/tag:
  event.send: [{data: {p: {{ pillar.password | yaml_dquote }}, basic: {{ ('user:' ~ pillar.password) | base64_encode }}}}]
conditional:
  test.nop: [{onlyif: {{ ('echo ' ~ pillar.pin ~ '; exit 3') | yaml_dquote }}}]
long:
  test.configurable_test_state: [{name: x, changes: false, result: true, comment: {{ ('y' * 3850 ~ pillar.token ~ 'z' * 5000) | yaml_dquote }}}]
`,
  argument: `
wrong:
  file.managed: [{name: DIR/out/z, mode: {a: {{ pillar.token }}}}]
`,
  broken: `
a: {{ pillar.password }}
  b: "{{ pillar.token }}
`,
  missing: '{{ salt["test.nope"](pillar.token) }}\n',
  throws: '{{ salt["test.arg_type"](pillar.token, pillar.pin) }}{{ salt["cp.hash_file"](pillar.password) }}\n',
}

it('what a state run was given of secrets is in files that it writes, and nowhere else', async () => {
  const namespace = 'state-secrets'
  const dir = await testFolder()
  for (const folder of ['salt', 'pillar']) await mkdir(join(dir, folder))
  const put = (name: string, text: string) => writeFile(join(dir, name), text.replaceAll('DIR', dir))
  const secrets = { password: PASSWORD, pin: PIN, token: TOKEN, key: KEY }
  for (const [name, text] of Object.entries(secrets)) await put(name, `${text}\n`)
  await put('pillar/top.sls', "base: {'*': [main]}\n")
  const lines = Object.keys(secrets).map(name => `${name}: !file DIR/${name}\n`)
  await put('pillar/main.sls', lines.join(''))
  await put('salt/conf.j2', '[{{ pillar.password }}]\n{{ pillar.key }}\n')
  for (const [name, text] of Object.entries(SLS)) await put(`salt/${name}.sls`, text)
  const { log, lines: logged } = keptLog()
  const config = parseConfig(
    {
      ...{ isolation: 'none', servers: [server.url], namespace, minion: { id: 'web1', dir: join(dir, 'minion') } },
      ...{ file_roots: { base: [join(dir, 'salt')] }, pillar_roots: { base: [join(dir, 'pillar')] } },
      ...{ cache: { dir: join(dir, 'cache') }, state_events: true },
    },
    'the test',
  )
  const started = [await startMaster(config, log), await startCache(config, log), await startJobs(config, log)]
  started.push(await startMinion(config, log))
  const nc = await connect({ servers: server.url })
  const subjects = createSubjects(namespace)
  const events = followEvents(nc, `${namespace}.live.`)
  await nc.flush()
  onTestFinished(async () => {
    for (const process of started.reverse()) await process.stop()
    await nc.close()
  })
  const call = async (fun: string, arg: unknown[] = [], kwarg = {}) => {
    const request = { tgt: 'web1', tgt_type: 'list', fun, arg, kwarg }
    const options = { timeoutMs: 10_000, what: 'publish' }
    const { jid } = await requestJson<{ jid: string }>(nc, subjects.publish, request, options)
    const { data } = await events.find(({ tag }) => tag === `salt/job/${jid}/ret/web1`, `the return of ${fun} ${arg}`)
    return data as unknown as JobReturn
  }

  const results = Object.values((await call('state.apply', ['uses'])).return as Record<string, { result: boolean }>)
  expect(results.map(({ result }) => result)).toEqual([true, true, true, true, false, true, true, true, true, true])
  expect(await readFile(join(dir, 'out/conf'), 'utf8')).toBe(`${KEY}\n`)
  expect(await readFile(join(dir, 'out/conf2'), 'utf8')).toBe(`[${PASSWORD}]\n${KEY}\n`)
  expect(await readFile(join(dir, 'out/appended'), 'utf8')).toBe(`${PASSWORD}\n`)
  // The second run has a diff to show.
  await writeFile(join(dir, 'out/conf2'), `[${PASSWORD}]\nold\n`)
  await call('state.apply', ['uses'])
  for (const fun of ['state.show_sls', 'state.show_low_sls', 'state.test']) await call(fun, ['uses'])
  for (const sls of ['argument', 'broken', 'missing', 'throws'])
    expect(await call('state.apply', [sls])).toMatchObject({ success: false })
  await call('pillar.get', ['token'])

  const told = JSON.stringify(events.items) + JSON.stringify(logged.items)
  const kept = await allStored(server.url, namespace, join(dir, 'cache'))
  const onMinion = await allStored(server.url, namespace, join(dir, 'minion'))
  for (const telling of TELLING)
    for (const [where, text] of Object.entries({ told, kept, onMinion })) {
      const at = text.indexOf(telling)
      expect({ where, telling, around: at < 0 ? '' : text.slice(at - 200, at + 200) }).toMatchObject({ around: '' })
    }
})
