// State runs of real processes: the walk of the first seed, what people see of a run, orchestrations, and runs that rules ask for.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { testFolder } from '../helpers/folder.ts'
import { startTestServer } from '../helpers/server.ts'
import { untilTaken } from '../helpers/wait.ts'
import { MAIN } from './reactor.ts'
import { copyExample, EXAMPLES, exampleIn, type StateReactor, startWithFiles } from './state-files.ts'

const DOVE = 'salt/resource/dove.jpg'
const TOP = "base:\n  '*':\n    - schedule\n"
const NO_TOP = 'base: {}\n'

/** As the seed has it, but for the folder that stands for /home/www. */
async function startWalk() {
  const www = await testFolder()
  const reactor = await startWithFiles({
    'salt/resource.sls': await exampleIn('salt/resource.sls', www),
    'pillar/top.sls': NO_TOP,
    'pillar/schedule.sls': await exampleIn('pillar/schedule.sls', www),
  })
  await copyExample(DOVE, join(reactor.folder, DOVE))
  await mkdir(join(www, 'resource'))
  const kept = join(www, 'resource/dove.jpg')
  const dove = await readFile(join(EXAMPLES, DOVE))
  const isThere = (what: string) => untilTaken(what, async () => expect((await readFile(kept)).equals(dove)).toBe(true))
  const remove = async () => {
    expect(await reactor.call('web1', 'cmd.run', `rm -f ${kept}`)).toEqual({ code: 0, value: '' })
  }
  const returnsOf = (entry: string) => reactor.lines.items.filter(({ data }) => data.schedule === entry)
  /** What an entry of every second has come to see so many times more. */
  const runsOf = async (entry: string, more: number) => {
    const before = returnsOf(entry).length
    await reactor.lines.find(() => returnsOf(entry).length >= before + more, `runs of ${entry}`)
  }
  return { reactor, kept, isThere, remove, runsOf }
}

const LISTED = `web1:
    schedule:
      job3:
        args:
        - resource
        enabled: true
        function: state.sls
        jid_include: true
        maxrunning: 1
        name: job3
        seconds: 5
`

it('keeps a file in its place by a schedule of the pillar, until it is taken out, and by schedule.add', async () => {
  const { reactor, kept, isThere, remove, runsOf } = await startWalk()
  const { run, call, write } = reactor

  // By pillar, every five seconds.
  await write('pillar/top.sls', TOP)
  expect((await run('call', 'web1', 'saltutil.refresh_pillar')).stdout).toBe('web1:\n    True\n')
  await isThere('the file, by the schedule of the pillar')
  // The file is there before the run has ended.
  const first = await reactor.lines.find(({ data }) => data.schedule === 'job1', 'the return of the first run')
  expect(first.data).toMatchObject({ fun: 'state.sls', fun_args: ['resource'], success: true })
  await remove()
  await isThere('the file, after it was removed')

  // Taken out it stays away, while another entry goes on.
  await write('pillar/top.sls', NO_TOP)
  await call('web1', 'saltutil.refresh_pillar')
  expect((await call('web1', 'schedule.list')).value).toBe('schedule: {}\n')
  await remove()
  await call('web1', 'schedule.add', 'beat', 'function=test.ping', 'seconds=1')
  await runsOf('beat', 6)
  await expect(readFile(kept)).rejects.toMatchObject({ code: 'ENOENT' })
  await call('web1', 'schedule.delete', 'beat')

  // By a call.
  const add = ['schedule.add', 'job3', 'function=state.sls', "job_args=['resource']", 'seconds=5']
  const added = await run('call', 'web1', ...add)
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('Added job: job3 to schedule.') })
  const listed = (await run('call', 'web1', 'schedule.list')).stdout
  // That it is kept over a restart is a word of newer versions of Salt.
  expect(listed.replace('        saved: true\n', '')).toBe(LISTED)
  await isThere('the file, by schedule.add')
  await remove()
  const gone = await run('call', 'web1', 'cmd.run', `ls ${kept}`)
  if (gone.code === 1) expect(gone.stderr).toBe('ERROR: Minions returned with non-zero exit code\n')
  await isThere('the file, after it was removed again')
}, 180_000)

const SITE = `
{{ pillar.folder }}/motd:
  file.managed:
    - contents: "{{ pillar.get('greeting', 'hello') }} from {{ grains.id }}"

broken:
  test.fail_without_changes: []

behind it:
  test.succeed_with_changes:
    - require:
      - test: broken
`

it('shows what it would do, what it did, and what failed, with the exit codes of Salt', async () => {
  const www = await testFolder()
  const reactor = await startWithFiles({
    'salt/resource.sls': `${www}/a:\n  file.managed:\n    - contents: one\n`,
    'salt/site.sls': SITE,
    'salt/wrong.sls': 'x:\n  file.manged: []\n',
    'salt/top.sls': "base:\n  'web*': [resource]\n",
    'pillar/top.sls': "base:\n  '*': [site]\n",
    'pillar/site.sls': `folder: ${www}\n`,
  })
  await reactor.call('web1', 'saltutil.refresh_pillar')
  const would = await reactor.run('call', 'web1', 'state.apply', 'resource', 'test=True')
  expect(would.code).toBe(0)
  expect(would.stdout).toMatch(
    new RegExp(`^web1:
----------
          ID: ${www}/a
    Function: file\\.managed
      Result: None
     Comment: The file ${www}/a is set to be changed[^]*
Summary for web1
------------
Succeeded: 1 \\(unchanged=1, changed=1\\)
Failed:    0
------------
Total states run:     1
Total run time: +[\\d.]+ ms
$`),
  )
  await expect(readFile(join(www, 'a'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect((await reactor.run('call', 'web1', 'state.highstate')).stdout).toContain('Succeeded: 1 (changed=1)')
  expect(await readFile(join(www, 'a'), 'utf8')).toBe('one\n')
  expect((await reactor.run('call', 'web1', 'state.apply')).stdout).toContain('Succeeded: 1\n')

  const site = await reactor.run('call', 'web1', 'state.apply', 'site', 'pillar={greeting: hi}')
  expect(site).toMatchObject({ code: 1, stderr: 'ERROR: Minions returned with non-zero exit code\n' })
  expect(site.stdout).toContain('One or more requisite failed: site.broken')
  expect(site.stdout).toMatch(/Succeeded: 1 \(changed=1\)\nFailed: {4}2\n/)
  expect(await readFile(join(www, 'motd'), 'utf8')).toBe('hi from web1\n')

  const wrong = await reactor.run('call', 'web1', 'state.apply', 'wrong')
  expect(wrong.code).toBe(1)
  expect(wrong.stdout).toContain('Data failed to compile:')
  expect(wrong.stdout).toContain("Did you mean 'file.managed'?")
  expect((await reactor.run('call', 'web1', 'sys.state_doc', 'file.managed')).stdout).toContain('file.managed <name>')
  expect((await reactor.run('functions', '--kind', 'state')).stdout).toMatch(/^state +file\.managed /m)
}, 120_000)

const ORCHESTRATION = `
{% set version = pillar.get('version', 'none') %}
write it:
  salt.state:
    - tgt: 'web*'
    - sls: version
    - pillar:
        version: {{ version }}

look at it:
  salt.function:
    - name: test.echo
    - tgt: web2
    - arg: [{{ version }}]
    - require:
      - salt: write it

say so:
  salt.runner:
    - name: event.send
    - tag: deploy/done
    - data:
        version: {{ version }}
    - require:
      - salt: look at it
`
const BROKEN = `
fails on one:
  salt.state:
    - tgt: 'web*'
    - sls: picky

never:
  salt.function:
    - name: test.ping
    - tgt: '*'
    - require:
      - salt: fails on one
`
const RULES = `
rule: changed
on: site/changed
do:
  - local.state.apply: { tgt: web1, args: [version] }
---
rule: deploy
on: site/deploy
do:
  - runner.state.orchestrate: { mods: deploy, pillar: { version: "{{ data.version }}" } }
`

/** Two minions; each has a folder, where it writes its version. */
async function startTwo(): Promise<{ reactor: StateReactor; www: string }> {
  const www = await testFolder()
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const rules = await testFolder()
  await writeFile(join(rules, 'states.yaml'), RULES)
  const reactor = await startWithFiles(
    {
      'salt/version.sls': `${www}/{{ grains.id }}:\n  file.managed:\n    - contents: "{{ pillar.get('version', 'none') }}"\n`,
      'salt/picky.sls':
        "{% if grains.id == 'web2' %}\nno:\n  test.fail_without_changes: []\n{% else %}\nyes:\n  test.nop: []\n{% endif %}\n",
      'salt/deploy.sls': ORCHESTRATION,
      'salt/broken.sls': BROKEN,
      'salt/resource.sls': await exampleIn('salt/resource.sls', www),
      'salt/release.sls': await exampleIn('orchestration/release.sls', www),
    },
    { args: ['--nats', server.url, '--isolation', 'none'], rules },
  )
  await copyExample(DOVE, join(reactor.folder, DOVE))
  await mkdir(join(www, 'resource'))
  const config = join(reactor.folder, 'web2.json')
  await writeFile(
    config,
    JSON.stringify({ isolation: 'none', minion: { id: 'web2', dir: join(reactor.folder, 'web2') } }),
  )
  const second: ChildProcess = spawn(process.execPath, [MAIN, 'minion', '--config', config, '--server', server.url], {
    stdio: 'ignore',
  })
  onTestFinished(() => void second.kill('SIGKILL'))
  await reactor.lines.find(({ tag }) => tag === 'salt/minion/web2/start', 'the start of web2')
  return { reactor, www }
}

it('orchestrates two minions, and is run by rules', async () => {
  const { reactor, www } = await startTwo()
  const versions = async () => [await readFile(join(www, 'web1'), 'utf8'), await readFile(join(www, 'web2'), 'utf8')]
  const master = `${hostname()}_master`

  const deployed = await reactor.run('run', 'state.orchestrate', 'deploy', 'pillar={version: "7"}')
  expect(deployed).toMatchObject({ code: 0, stderr: '' })
  expect(deployed.stdout).toMatch(new RegExp(`^${master}:\n-----`))
  expect(deployed.stdout).toContain('States ran successfully. Updating web1, web2.')
  expect(deployed.stdout).toContain('Function ran successfully. Function test.echo ran on web2.')
  expect(deployed.stdout).toContain('Succeeded: 3 (changed=3)\nFailed:    0\n')
  expect(await versions()).toEqual(['7\n', '7\n'])
  expect((await reactor.lines.find(({ tag }) => tag === 'deploy/done', 'the event of the runner')).data).toEqual({
    version: 7,
  })
  const steps = () => reactor.lines.items.filter(({ tag }) => tag.includes(`/prog/${master}/`))
  await reactor.lines.find(() => steps().length === 3, 'the progress of three steps')

  const broken = await reactor.run('run', 'state.orchestrate', 'broken')
  expect(broken.code).toBe(1)
  expect(broken.stdout).toContain('Comment: Run failed on minions: web2')
  expect(broken.stdout).toContain('Comment: One or more requisite failed: broken.fails on one')
  const returned = await reactor.lines.find(
    ({ tag, data }) => /^salt\/run\/\d+\/ret$/.test(tag) && JSON.stringify(data.fun_args) === '["broken"]',
    'the return of the runner',
  )
  expect(returned.data).toMatchObject({ fun: 'runner.state.orchestrate', success: false, return: { retcode: 1 } })

  const released = await reactor.run('run', 'state.orchestrate', 'release', '--json')
  expect(released.code).toBe(0)
  expect(JSON.parse(released.stdout)).toMatchObject({ outputter: 'highstate', retcode: 0 })
  expect(await readFile(join(www, 'resource/dove.jpg'))).toEqual(await readFile(join(EXAMPLES, DOVE)))

  // By rules.
  await rm(join(www, 'web1'))
  expect((await reactor.run('send', 'site/changed')).code).toBe(0)
  await expect.poll(() => readFile(join(www, 'web1'), 'utf8')).toBe('none\n')
  expect((await reactor.run('send', 'site/deploy', '{"version": "8.1"}')).code).toBe(0)
  await expect.poll(versions).toEqual(['8.1\n', '8.1\n'])
}, 120_000)

it('says of an orchestration whose worker was killed that its outcome is unknown, and runs it no second time', async () => {
  const rules = await testFolder()
  await writeFile(join(rules, 'states.yaml'), 'rule: slow\non: go\ndo:\n  - runner.state.orchestrate: { mods: slow }\n')
  const reactor = await startWithFiles(
    {
      'salt/slow.sls': `
begun:
  salt.runner: [{name: event.send}, {tag: orchestration/begun}]
waits:
  salt.wait_for_event:
    - name: never/comes
    - id_list: [x]
    - require:
      - salt: begun
`,
    },
    { rules },
  )
  await reactor.run('send', 'go')
  await reactor.lines.find(({ tag }) => tag === 'orchestration/begun', 'the first step')
  process.kill(reactor.ready.processes.jobs!, 'SIGKILL')
  const parked = async () => (await reactor.run('reactions', 'list', '--state', 'parked', '--json')).stdout
  await expect.poll(parked).toContain('outcome unknown')
  expect(reactor.lines.items.filter(({ tag }) => tag === 'orchestration/begun')).toHaveLength(1)
}, 120_000)
