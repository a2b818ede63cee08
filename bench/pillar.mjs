// The pillar of 1,000 minions, asked for at once from a real master: a top file with targets by grains, templates, includes.
// Beside it a responder that answers the same requests with the same bytes.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { connect } from '@nats-io/transport-node'
import { createStack } from '../dist/base/service.js'
import { createSubjects } from '../dist/protocol/subject.js'
import { compare } from './measure.mjs'
import { startProcess, startScript } from './stage.mjs'

export const title = 'request of a minion → its pillar (raw: the same bytes by request and reply)'

const MINIONS = 1000
/** Requests on their way. */
const WINDOW = 128
const FILES = {
  'top.sls': `base:
  '*': [common, users]
  'G@os:Debian': [debian]
  'G@roles:web and not G@env:test': [web]
  'db*': [db]
`,
  'common.sls': `site: example
host: {{ grains.id }}
resolvers: [10.0.0.1, 10.0.0.2]
{% for name in ['a', 'b', 'c', 'd'] %}
key_{{ name }}: {{ grains.os | lower }}-{{ loop.index }}
{% endfor %}
`,
  'users/init.sls': 'include: [.admins, .staff]\nusers: {root: {shell: /bin/sh}}\n',
  'users/admins.sls': `users:\n{% for n in range(5) %}  admin{{ n }}: {uid: {{ 1000 + n }}, groups: [adm, sudo]}\n{% endfor %}`,
  'users/staff.sls': `users:\n{% for n in range(10) %}  staff{{ n }}: {uid: {{ 2000 + n }}, groups: [staff]}\n{% endfor %}`,
  'debian.sls': 'packages: {nginx: nginx-light, php: php-fpm}\n',
  'web.sls': `web: {port: {{ 8080 if grains.num_cpus > 2 else 80 }}, name: "{{ grains.id }}.example"}\n`,
  'db.sls': 'db: {size: {{ grains.mem_total // 2 }}}\n',
}
const GRAINS = { os: 'Debian', roles: ['web', 'cache'], env: 'live', num_cpus: 4, mem_total: 8192, ipv4: ['10.1.2.3'] }

export async function run(stage, { runs }) {
  const stack = createStack()
  try {
    const root = join(stage.dir, 'pillar-root')
    for (const [name, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), text)
    }
    stack.add(await startProcess(stage, 'pillar', ['master'], { pillar_roots: { base: [root] } }))
    const nc = await connect({ servers: stage.url })
    stack.defer(() => nc.close())
    const real = createSubjects('pillar')
    const raw = createSubjects('pillarraw')
    const ask = async (subjects, id) => {
      const body = JSON.stringify({ grains: { ...GRAINS, id }, keep: true })
      const { data, headers } = await nc.request(subjects.ofMinion('pillar', id), body, { timeout: 60_000 })
      if (headers?.get('Nats-Service-Error')) throw new Error(new TextDecoder().decode(data))
      return data
    }
    const answer = new TextDecoder().decode(await ask(real, 'bench0'))
    if (JSON.parse(answer).errors.length > 0) throw new Error(answer)
    stack.add(await startScript('pillar-answer.mjs', [stage.url, 'pillarraw', answer]))
    const speed = async subjects => {
      let next = 0
      const lane = async () => {
        while (next < MINIONS) await ask(subjects, `bench${next++}`)
      }
      const started = performance.now()
      await Promise.all(Array.from({ length: WINDOW }, lane))
      return (MINIONS * 1000) / (performance.now() - started)
    }
    return [
      await compare({
        name: `pillar of ${MINIONS} minions, ${answer.length} bytes each`,
        unit: '/s',
        aim: { of: 'value', atLeast: 1000 },
        runs,
        raw: () => speed(raw),
        real: () => speed(real),
      }),
    ]
  } finally {
    await stack.stop()
  }
}
