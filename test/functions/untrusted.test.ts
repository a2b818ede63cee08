import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bindArgs } from '../../src/functions/args.ts'
import { execution, runner, wheel } from '../../src/functions/define.ts'
import { fixed } from '../../src/functions/guards.ts'
import { loadFunctions } from '../../src/functions/load.ts'
import type { ValuePath } from '../../src/protocol/trust.ts'

const registries = {
  local: await loadFunctions('execution'),
  runner: await loadFunctions('runner'),
  wheel: await loadFunctions('wheel'),
}

/** Binds a call of a shipped function whose values at `paths` came with an event. */
function bind(name: string, arg: unknown[], kwarg: Record<string, unknown>, ...paths: ValuePath[]) {
  const [kind, ...rest] = name.split('.') as [keyof typeof registries]
  const fun = (rest as string[]).join('.')
  return bindArgs(fun, registries[kind].get(fun), arg, kwarg, { paths, by: 'rule:r' })
}
const first: ValuePath = ['arg', 0]

describe('a command that holds a value from an event', () => {
  it.each(['cmd.run', 'cmd.run_all', 'cmd.retcode', 'cmd.shell'])('is refused as text by %s', fun => {
    expect(() => bind(`local.${fun}`, ['echo x'], {}, first)).toThrow(`${fun}: argument 'cmd' holds a value`)
    expect(() => bind(`local.${fun}`, [], { cmd: 'echo x' }, ['kwarg', 'cmd'])).toThrow('allow_untrusted')
  })

  it('is refused with the function, the argument, the rule and what to write', () => {
    expect(() => bind('local.cmd.run', ['echo x; reboot'], {}, first)).toThrow(
      "cmd.run: argument 'cmd' holds a value from the event of rule:r and is used as a command: it could become several words or commands; give the command as a list, with the value as a word of its own: [program, '{{ … }}']; to take it as it is, write {{ … | allow_untrusted }}",
    )
  })

  it.each<[unknown[], number]>([
    [['systemctl', 'restart', '; rm -rf /'], 2],
    [['echo', '$(reboot)'], 1],
    [['rm', '--', '-rf'], 2],
    [['kill', 5], 1],
  ])('may have it as a word: %j', (cmd, index) => {
    expect(bind('local.cmd.run', [cmd], {}, ['arg', 0, index])).toMatchObject({ cmd: cmd.map(String) })
  })

  it.each<[unknown[], ValuePath, string]>([
    [['/tmp/x', 'a'], ['arg', 0, 0], 'the program to run would be chosen'],
    [['rm', 'a'], ['arg', 0], 'the program to run would be chosen'],
    [['tar', 'xf', '--checkpoint-action=exec=sh'], ['arg', 0, 2], "begins with '-'"],
    [['kill', -1], ['arg', 0, 1], "begins with '-'"],
    [['sh', '-c', 'x'], ['arg', 0, 2], "'sh' reads its words as commands"],
    [['sudo', '/bin/bash', '-c', '--', 'x'], ['arg', 0, 4], "'/bin/bash' reads its words as commands"],
    [['ssh', 'web1', 'x'], ['arg', 0, 2], "'ssh' reads its words as commands"],
  ])('may not have it there: %j', (cmd, path, message) => {
    expect(() => bind('local.cmd.run', [cmd], {}, path)).toThrow(message)
  })

  it.each([
    ...['python3', 'python3.12', '/usr/bin/perl', 'perl5.36.0', 'node', 'nodejs', 'ruby', 'php8.2', 'lua5.4', 'pypy3'],
    ...[
      'awk',
      'gawk',
      'mawk',
      'sed',
      'bash5',
      'ksh93',
      'fish',
      'busybox',
      'busybox-1.36',
      'Python.exe',
      'psql',
      'sqlite3',
    ],
    ...['make', 'watch', 'expect', 'vim', './sh', 'dash-static'],
  ])('may not have it as a word of %s, wherever that stands', program => {
    for (const cmd of [
      [program],
      [program, '-c'],
      [program, '--'],
      ['sudo', '-u', 'www', program],
      ['docker', 'exec', program],
    ])
      expect(() => bind('local.cmd.run', [[...cmd, 'x']], {}, ['arg', 0, cmd.length]), cmd.join(' ')).toThrow(
        `'${program}' reads its words as commands`,
      )
  })

  it.each(['x', 'LD_PRELOAD=/tmp/x.so', '/tmp/x', '-Ssh -c x', '5'])(
    'may not have it where a wrapper takes its program from: %j',
    value => {
      for (const cmd of [
        ...[
          ['env'],
          ['/usr/bin/env', '-i'],
          ['env', '-u', 'HOME'],
          ['env', '-C', '/tmp'],
          ['env', 'A=b'],
          ['env', '--'],
        ],
        ...[
          ['env', '-S', 'printf %s'],
          ['env', '-vSprintf'],
          ['env', '--split-string=printf'],
          ['env', 'A=b', '-'],
        ],
        ...[
          ['sudo'],
          ['sudo', '-u', 'root'],
          ['sudo', '-E', '-u', 'root'],
          ['doas', '-u', 'root'],
          ['nohup'],
          ['setsid'],
        ],
        ...[
          ['nice', '-n', '5'],
          ['ionice', '-c', '2', '-n', '0'],
          ['timeout', '5m'],
          ['timeout', '-s', 'KILL', '5'],
        ],
        ...[['chroot', '/mnt'], ['stdbuf', '-o', 'L'], ['flock', '/run/lock/x'], ['xargs'], ['xargs', '-I', '{}']],
        ...[
          ['sudo', 'nice', 'env', 'A=b'],
          ['nohup', 'timeout', '5'],
          ['find', '.', '-name', 'a', '-exec'],
        ],
        ...[
          ['find', '.', '-execdir', 'env'],
          ['sudo', 'find', '.', '-ok', 'sudo'],
        ],
      ])
        expect(() => bind('local.cmd.run', [[...cmd, value]], {}, ['arg', 0, cmd.length]), cmd.join(' ')).toThrow(
          'could take it for a program, a variable or an option',
        )
    },
  )

  it('may not have it as an option of the program behind a wrapper', () => {
    for (const cmd of [
      ['sudo', '--', 'rm'],
      ['env', '--', 'nice', 'rm'],
      ['find', '.', '-exec', 'rm'],
    ])
      expect(() => bind('local.cmd.run', [[...cmd, '-rf']], {}, ['arg', 0, cmd.length])).toThrow("begins with '-'")
  })

  it.each<string[]>([
    ['sudo', 'systemctl', 'restart'],
    ['sudo', '-u', 'www', 'touch'],
    ['sudo', '--', 'rm', '--'],
    ['env', 'A=b', 'nice', '-n', '5', 'touch'],
    ['env', '-i', '--', 'touch'],
    ['timeout', '-k', '5', '10', 'touch'],
    ['chroot', '/mnt', 'touch'],
    ['find'],
    ['find', '/srv', '-name'],
    ['find', '/srv', '-exec', 'touch'],
    ['constructor'],
    ['pythonic'],
    ['/opt/sh/restart-app'],
  ])('may have it behind the program of a wrapper: %j %j %j', (...cmd) => {
    const words = [...cmd, 'a b; reboot']
    expect(bind('local.cmd.run', [words], {}, ['arg', 0, cmd.length])).toMatchObject({ cmd: words })
  })

  it('may not have it for a shell, whoever asks for one', () => {
    expect(() => bind('local.cmd.run', [['echo', 'a']], { python_shell: true }, ['arg', 0, 1])).toThrow('several words')
    expect(() => bind('local.cmd.run', ['a | b'], { python_shell: true }, ['kwarg', 'python_shell'])).toThrow(
      "argument 'python_shell'",
    )
    expect(() => bind('local.cmd.shell', ['a'], { shell: '/tmp/x' }, ['kwarg', 'shell'])).toThrow("argument 'shell'")
  })

  it('may have it in the environment and the input, where it stays text', () => {
    const given = { env: { WORD: '$(x)' }, stdin: 'x' }
    expect(
      bind('local.cmd.shell', ['grep "$WORD"'], given, ['kwarg', 'env', 'WORD'], ['kwarg', 'stdin']),
    ).toMatchObject(given)
    expect(bind('local.cmd.run', ['cat'], { stdin: 'x' }, ['kwarg', 'stdin'])).toMatchObject({ stdin: 'x' })
  })

  it.each(['PATH', 'LD_PRELOAD', 'BASH_ENV', 'PYTHONPATH', 'NODE_OPTIONS', 'GIT_SSH_COMMAND', 'IFS'])(
    'may not have it as %s',
    name => {
      expect(() => bind('local.cmd.run', ['ls'], { env: { [name]: 'x' } }, ['kwarg', 'env', name])).toThrow(
        `${name} decides which code runs`,
      )
    },
  )

  it('may not have it where it names variables, folders or what a shell reads', () => {
    expect(() => bind('local.cmd.run', ['ls'], { env: { A: 'x' } }, ['kwarg', 'env'])).toThrow('names of variables')
    expect(() => bind('local.cmd.run', ['ls'], { cwd: '/tmp' }, ['kwarg', 'cwd'])).toThrow("argument 'cwd'")
    expect(() => bind('local.cmd.run', ['/bin/sh -s'], { stdin: 'x' }, ['kwarg', 'stdin'])).toThrow(
      'runs what it reads',
    )
    for (const cmd of [['dash'], ['sudo', 'bash5'], ['python3', '-'], ['node'], ['xargs', 'rm'], "'perl' -", 'env php'])
      expect(() => bind('local.cmd.run', [cmd], { stdin: 'x' }, ['kwarg', 'stdin']), String(cmd)).toThrow(
        'runs what it reads',
      )
    for (const cmd of [['sed', 's/a/b/'], ['awk', '{ print }'], ['sort'], 'sudo tee /tmp/x'])
      expect(bind('local.cmd.run', [cmd], { stdin: 'x' }, ['kwarg', 'stdin'])).toMatchObject({ stdin: 'x' })
  })

  it('is any where what came with the event stands elsewhere, or nowhere', () => {
    expect(bind('local.cmd.run', ['echo x'], { timeout: 5 }, ['kwarg', 'timeout'])).toMatchObject({ cmd: 'echo x' })
    expect(bind('local.cmd.run', ['echo x'], {})).toMatchObject({ cmd: 'echo x' })
  })
})

describe('refused as untrusted is', () => {
  it.each<[string, Record<string, unknown>, ValuePath]>([
    ['local.http.query', { url: 'http://127.0.0.1/' }, ['url']],
    ['runner.http.query', { profile: 'hook', url: 'x' }, ['url']],
    ['runner.http.query', { profile: 'hook' }, ['profile']],
    ['runner.http.query', { url: 'https://a/', method: 'DELETE' }, ['method']],
    ['runner.http.query', { url: 'https://a/', verify_ssl: false }, ['verify_ssl']],
    ['runner.http.query', { url: 'https://a/', headers: { host: 'b' } }, ['headers']],
    ...['recipient', 'cc', 'bcc', 'reply_to', 'sender', 'server', 'profile'].map(
      (name): [string, Record<string, unknown>, ValuePath] => ['runner.smtp.send_msg', { [name]: 'a@b' }, [name]],
    ),
    ['local.smtp.send_msg', { recipient: ['a@b', 'c@d'] }, ['recipient', 1]],
    ['local.smtp.send_msg', { attachments: '/etc/shadow' }, ['attachments']],
    ['local.smtp.send_msg', { attachments: ['/etc/shadow'] }, ['attachments', 0]],
    ['local.mine.send', { name: 'cmd.run' }, ['name']],
    ['local.mine.send', { name: 'a', mine_function: 'cmd.run' }, ['mine_function']],
    ['local.mine.send', { name: 'a', allow_tgt: '*' }, ['allow_tgt']],
    ['local.mine.update', { mine_functions: ['cmd.run'] }, ['mine_functions', 0]],
    ['local.mine.get', { tgt: '*', fun: 'a' }, ['tgt']],
    ['local.mine.get', { tgt: 'web1', fun: 'a', tgt_type: 'compound' }, ['tgt']],
    ['local.mine.get', { tgt: 'a', fun: 'a', tgt_type: 'pcre' }, ['tgt_type']],
    ['local.saltutil.cmd', { tgt: 'a', fun: 'cmd.run' }, ['fun']],
    ['local.saltutil.cmd', { tgt: '*', fun: 'test.ping' }, ['tgt']],
    ['runner.manage.up', { tgt: 'web*' }, ['tgt']],
    ['runner.manage.status', { tgt: 'a', tgt_type: 'pcre' }, ['tgt_type']],
    ['runner.jobs.retry', { jid: '1', tgt: '*' }, ['tgt']],
    ['runner.event.send', { tag: 'salt/auth' }, ['tag']],
    ['wheel.sys.doc', { prefix: 'a' }, ['prefix']],
    ['wheel.key.accept', { match: 'web*' }, ['match']],
    ['wheel.key.accept', { match: 'web1,web2' }, ['match']],
    ['wheel.key.accept', { match: 'web1', include_denied: true }, ['include_denied']],
    ['wheel.key.accept_dict', { match: { minions_pre: ['*'] } }, ['match', 'minions_pre', 0]],
  ])('%s %j at %j', (fun, kwarg, path) => {
    expect(() => bind(fun, [], kwarg, ['kwarg', ...path])).toThrow('holds a value from the event of rule:r')
  })

  it.each<[string, Record<string, unknown>, ValuePath]>([
    ['runner.http.query', { url: 'https://a/', params: { q: 'x' } }, ['params']],
    ['runner.http.query', { url: 'https://a/', json: { q: 'x' } }, ['json']],
    ['runner.http.query', { url: 'https://a/', headers: { 'x-a': 'b' } }, ['headers', 'x-a']],
    ['runner.smtp.send_msg', { subject: 'a' }, ['subject']],
    ['runner.smtp.send_msg', { attachments: { filename: 'a', content: 'b' } }, ['attachments', 'content']],
    ['runner.smtp.send_msg', { attachments: [{ filename: 'a', content: 'b' }] }, ['attachments', 0, 'filename']],
    ['local.mine.get', { tgt: 'web1', fun: 'a' }, ['tgt']],
    ['local.service.restart', { name: 'nginx' }, ['name']],
    ['runner.manage.up', { tgt: 'web1' }, ['tgt']],
    ['runner.event.send', { tag: 'my/tag', data: { a: 1 } }, ['tag']],
    ['local.event.send', { tag: 'my/tag', a: 1 }, ['a']],
    ['wheel.key.accept', { match: 'web1' }, ['match']],
    ['local.test.echo', { text: '$(reboot)' }, ['text']],
  ])('and not %s %j at %j', (fun, kwarg, path) => {
    expect(() => bind(fun, [], kwarg, ['kwarg', ...path])).not.toThrow()
  })

  it('the name of a service that could be an option, a path or a pattern, untrusted or not', async () => {
    const { checkServiceName } = await import('../../src/execution/services/provider.ts')
    for (const name of ['--root=/tmp/x', '../x', '/tmp/x', '*', 'a b']) expect(() => checkServiceName(name)).toThrow()
  })
})

describe('a function of one’s own', () => {
  const args = { what: z.string().default('') }

  it('takes any value unless it says what an argument is used as', () => {
    const untrusted = { paths: [['arg', 0]], by: 'rule:r' }
    const run = () => null
    expect(bindArgs('a.b', execution({ doc: 'x', args, run }), ['x'], {}, untrusted)).toEqual({ what: 'x' })
    const guarded = runner({ doc: 'x', args, guards: { what: fixed('a lever') }, run })
    expect(() => bindArgs('a.b', guarded, ['x'], {}, untrusted)).toThrow(
      /'what' .* used as a lever: only the rule itself/,
    )
  })

  it('of kind wheel takes none, unless it says which', () => {
    const untrusted = { paths: [['kwarg', 'what']], by: 'rule:r' }
    const open = { as: 'anything', problem: () => undefined }
    expect(() => bindArgs('a.b', wheel({ doc: 'x', args, run: () => null }), [], { what: 'x' }, untrusted)).toThrow(
      'an argument of a wheel function',
    )
    const allowed = wheel({ doc: 'x', args, guards: { what: open }, run: () => null })
    expect(bindArgs('a.b', allowed, [], { what: 'x' }, untrusted)).toEqual({ what: 'x' })
  })

  it('has its surplus arguments looked at by their own places', () => {
    const at: ValuePath[] = []
    const guard = { as: 'x', problem: (_value: unknown, path: ValuePath) => void at.push(path) }
    const fn = execution({
      doc: 'x',
      args,
      rest: 'more',
      extra: 'named',
      guards: { more: guard, named: guard },
      run: () => null,
    })
    const paths: ValuePath[] = [['arg', 2, 'k'], ['kwarg', 'other', 0], ['arg'], ['kwarg']]
    bindArgs('a.b', fn, ['a', 'b', { k: 1 }], { other: [1] }, { paths, by: 'rule:r' })
    expect(at).toEqual([[1, 'k'], ['other', 0], [0], [1], ['other']])
  })
})
