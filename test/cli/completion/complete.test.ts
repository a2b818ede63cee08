import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { complete, type Offers } from '../../../src/cli/completion/complete.ts'

const asked: unknown[] = []
const offers: Offers = {
  functions: async kind => [{ value: `${kind}.one`, what: 'does one' }, { value: 'same.two' }],
  async minions(options) {
    asked.push(options)
    return ['web1', 'web2', 'db1', '$(reboot)', 'a b', '--async'].map(value => ({ value }))
  },
  contexts: async () => ['lab', 'prod'].map(value => ({ value })),
  queues: async () => ['mails', 'orders'].map(value => ({ value })),
  jids: async () => [{ value: '20261120091820837210', what: 'test.ping' }],
}
const values = async (...words: string[]) => (await complete(words, offers)).map(({ value }) => value)

describe('completion', () => {
  it('of the first word gives the commands', async () => {
    expect(await values('')).toEqual([...COMMANDS.keys()])
    expect(await values()).toEqual([...COMMANDS.keys()])
    expect(await values('ca')).toEqual(['call'])
    expect(await values('-')).toEqual(['--help', '--version'])
    expect(await values('nosuch', '')).toEqual([])
  })

  it('gives subcommands, then their own arguments and options', async () => {
    expect(await values('jobs', '')).toEqual(['list', 'show', 'active', 'watch', 'kill', 'retry'])
    expect(await values('jobs', 'show', '')).toEqual(['20261120091820837210'])
    expect(await values('jobs', 'kill', '2020')).toEqual([])
    expect(await values('jobs', 'retry', '20261120091820837210', 'web')).toEqual(['web1', 'web2'])
    expect(await values('jobs', 'list', '--ki')).toEqual(['--kind'])
    expect(await values('jobs', 'list', '')).toEqual([])
  })

  it('gives options, with what they do, and their values', async () => {
    expect(await complete(['call', '--bat'], offers)).toEqual([
      { value: '--batch', what: expect.stringContaining('so many minions at once') },
      { value: '--batch-wait', what: expect.stringContaining('pause') },
    ])
    expect(await values('call', '-')).toEqual(expect.arrayContaining(['-L', '--list', '-t', '--help']))
    expect(await values('call', '--out', '')).toEqual(['nested', 'json', 'yaml', 'txt', 'raw', 'highstate'])
    expect(await values('call', '-t', '')).toEqual([])
    expect(await values('jobs', 'list', '--function', 'run')).toEqual(['runner.one'])
    expect(await values('worker', 's')).toEqual(['schedule'])
    expect(await values('completion', '')).toEqual(['bash', 'zsh', 'fish'])
  })

  it('gives the queues that there are, and nothing for their items', async () => {
    expect(await values('queue', 'pop', '')).toEqual(['mails', 'orders'])
    expect(await values('queue', 'insert', 'o')).toEqual(['orders'])
    expect(await values('queue', 'insert', 'orders', '')).toEqual([])
    expect(await values('queue', 'list', '--backend', 'j')).toEqual(['jetstream'])
  })

  it('gives the contexts that there are', async () => {
    expect(await values('context', 'use', '')).toEqual(['lab', 'prod'])
    expect(await values('context', 'remove', 'p')).toEqual(['prod'])
    expect(await values('call', '--context', 'l')).toEqual(['lab'])
    expect(await values('context', 'add', '')).toEqual([])
  })

  it('gives functions of the kind that the command calls', async () => {
    expect(await values('call', '*', '')).toEqual(['execution.one', 'same.two'])
    expect(await values('call', '-G', 'os:Debian', '-b', '5', 'exec')).toEqual(['execution.one'])
    expect(await values('run', 'run')).toEqual(['runner.one'])
    expect(await values('wheel', 'wh')).toEqual(['wheel.one'])
    expect(await values('functions', 'wheel')).toEqual(['wheel.one'])
    expect(await values('call', '*', 'test.ping', '')).toEqual([])
    expect(await values('local', 'exec')).toEqual(['execution.one'])
    expect(await values('functions', '--kind', 's')).toEqual(['state'])
  })

  it('gives states and steps where one is called by itself, and to be read about', async () => {
    expect(await values('call', 'web1', 'state.single', '')).toEqual(['state.one', 'same.two'])
    expect(await values('call', 'web1', 'state.single', 'state.one', '')).toEqual([])
    expect(await values('local', 'state.single', 'st')).toEqual(['state.one'])
    expect(await values('run', 'state.orchestrate_single', 'orch')).toEqual(['orchestration.one'])
    expect(await values('functions', 'sta')).toEqual(['state.one'])
  })

  it('gives minion ids of the system that the line names', async () => {
    asked.length = 0
    expect(await values('call', '--data-dir', '/x', '--namespace=n', 'w')).toEqual(['web1', 'web2'])
    expect(asked).toEqual([{ dataDir: '/x', namespace: 'n' }])
    expect(await values('call', '"we')).toEqual(['web1', 'web2'])
    expect(await values('call', '-L', 'web1,d')).toEqual(['web1,db1'])
    expect(await values('call', '-G', 'w')).toEqual([])
  })

  it('never gives what a shell would read as more than a word', async () => {
    expect(await values('call', '')).toEqual(['web1', 'web2', 'db1'])
  })

  it('gives no options behind --', async () => {
    expect(await values('call', 'web1', 'test.arg', '--', '--js')).toEqual([])
  })
})
