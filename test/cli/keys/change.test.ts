import { Command } from 'commander'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { serve } from '../../../src/bus/serve.ts'
import { addChanges, nearby } from '../../../src/cli/keys/change.ts'
import { createKeys } from '../../../src/keys/operations.ts'
import { arrive } from '../../../src/keys/states.ts'
import { fingerprint } from '../../../src/protocol/key.ts'
import { splitArgs } from '../../../src/protocol/salt-args.ts'
import { useConnection } from '../../helpers/connected.ts'
import { openKeys } from '../../keys/keeping.ts'
import { nkeyOf } from '../../keys/nkeys.ts'
import { caller } from '../../modules/call.ts'

const KEY = 'ab:cd'
const shared = useConnection()
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** A master that has these keys, and that a stranger comes to between what is shown and what is changed. */
async function master(stranger: { id: string; nkey: string } | undefined) {
  const keeping = await openKeys(shared.nc)
  const { namespace, store, log } = keeping
  const come = (id: string, nkey: string, state: 'accepted' | 'pending', nowMs: number) =>
    store.change(id, entry => arrive(entry, { id, nkey, state }, nowMs))
  await come('web1', nkeyOf('web1'), 'accepted', 1)
  await come('web1', nkeyOf('web1-new'), 'pending', 1)
  await come('web2', nkeyOf('web2'), 'pending', 1)
  const keys = createKeys({ ...keeping, configured: {}, forgetGrains: async () => undefined, master: undefined })
  const { call } = caller('wheel', { keys: keys({ user: 'ada', source: 'OPS' }) })
  const endpoint = (fun: string, before = async (): Promise<unknown> => undefined) => ({
    ...{ name: fun.replace('.', '-'), subject: `${namespace}.wheel.${fun}` },
    async handle(request: { json<T>(): T }) {
      const { arg, kwarg } = splitArgs(request.json())
      await before()
      return call(fun, arg, kwarg)
    },
  })
  const comes = async () => stranger && come(stranger.id, stranger.nkey, 'pending', 1_000_000)
  const endpoints = [endpoint('key.key_str'), ...['accept', 'delete'].map(fun => endpoint(`key.${fun}_dict`, comes))]
  const served = { name: 'wheel', description: '', queue: 'wheel', log, endpoints }
  const service = await serve(shared.nc, served)
  onTestFinished(() => service.stop())
  return keeping
}

/** What the command prints, and what it ends with. */
async function run(namespace: string, ...words: string[]) {
  const out = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      out[name] += String(text)
      return true
    })
  const program = new Command()
  addChanges(program)
  const where = ['--server', shared.server.url, '--namespace', namespace]
  const failed = await program.parseAsync([...words, ...where], { from: 'user' }).then(
    () => undefined,
    (error: { code: string; message: string }) => error,
  )
  vi.restoreAllMocks()
  return { ...out, failed }
}

describe('a key that is changed', () => {
  it('is the one whose fingerprint was shown', async () => {
    const { namespace, store } = await master(undefined)
    const { stdout, stderr, failed } = await run(namespace, 'accept', '--all', '--include-denied', '-y')
    expect(failed).toBeUndefined()
    expect(stderr).toContain(`web1:  ${fingerprint(nkeyOf('web1-new'))}\n`)
    expect(stderr).toContain(`web2:  ${fingerprint(nkeyOf('web2'))}\n`)
    expect(stdout).toBe('Key for minion web1 accepted.\nKey for minion web2 accepted.\n')
    expect(store.get('web1')?.own?.nkey).toBe(nkeyOf('web1-new'))
  })

  it('is not one that a stranger has put in its place since, and the command says so', async () => {
    const { namespace, store } = await master({ id: 'web1', nkey: nkeyOf('mallory') })
    const { stdout, failed } = await run(namespace, 'accept', '--all', '--include-denied', '-y')
    expect(stdout).toBe('Key for minion web2 accepted.\n')
    expect(failed).toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/^not accepted, .* key of web1;/),
    })
    expect(store.get('web1')).toMatchObject({
      own: { nkey: nkeyOf('web1'), state: 'accepted' },
      denied: { nkey: nkeyOf('mallory') },
    })
  })

  it('is left where one beside it was shown as another', async () => {
    const { namespace, store } = await master({ id: 'web1', nkey: nkeyOf('mallory') })
    const { stdout, failed } = await run(namespace, 'delete', 'web1', '-y')
    expect([stdout, failed?.code]).toEqual(['', 'not_found'])
    expect(store.get('web1')?.own?.nkey).toBe(nkeyOf('web1'))
  })
})

it('tells of a key that matches in another state, and the option that takes it', () => {
  expect(nearby('accept', { minions_rejected: { web1: KEY } })).toBe(
    'it matches rejected ones: give --include-rejected to take those as well',
  )
  expect(nearby('accept', { minions: { web1: KEY }, minions_denied: { web1: KEY } })).toBe(
    'it matches accepted and denied ones: give --include-denied to take those as well',
  )
  expect(nearby('reject', { minions: { web1: KEY } })).toBe(
    'it matches accepted ones: give --include-accepted to take those as well',
  )
})

it('names no option where the key is already as it should be', () => {
  expect(nearby('accept', { minions: { web1: KEY } })).toBe('it matches accepted ones')
})

it('says nothing where there is none in any state', () => {
  expect(nearby('accept', {})).toBeUndefined()
  expect(nearby('accept', { minions: {} })).toBeUndefined()
})
