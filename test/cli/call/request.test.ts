import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { type RequestOptions, requestOf, withRequestOptions } from '../../../src/cli/call/request.ts'

/** The request of a command line. */
function parse(...words: string[]) {
  const command = withRequestOptions(new Command('call').argument('<tgt>').argument('[fun]').argument('[args...]'))
  command.exitOverride().configureOutput({ writeErr: () => undefined })
  command.parse(words, { from: 'user' })
  const [tgt, fun, args] = command.processedArgs as [string, string | undefined, string[]]
  return requestOf(tgt, fun, args, command.opts<RequestOptions>())
}

describe('the target', () => {
  it.each([
    [[], 'glob'],
    [['-E'], 'pcre'],
    [['-L'], 'list'],
    [['-G'], 'grain'],
    [['-P'], 'grain_pcre'],
    [['-I'], 'pillar'],
    [['-J'], 'pillar_pcre'],
    [['-S'], 'ipcidr'],
    [['-N'], 'nodegroup'],
    [['-C'], 'compound'],
    [['--grain-pcre'], 'grain_pcre'],
  ])('with %j is of type %s', async (flags, tgt_type) => {
    expect(await parse(...flags, 'x', 'test.ping')).toEqual({
      tgt: 'x',
      tgt_type,
      fun: 'test.ping',
      arg: [],
      kwarg: {},
    })
  })

  it('has one type', () => {
    expect(() => parse('-L', '-G', 'x', 'test.ping')).toThrow(/'-L, --list' cannot be used with option '-G, --grain'/)
  })
})

describe('the request', () => {
  it('holds what else is asked for', async () => {
    const words = ['*', 'test.arg', '1', 'k=[a]', '--subset', '3', '--run-timeout', '2m', '--metadata', '{t: 4711}']
    expect(await parse(...words)).toEqual({
      tgt: '*',
      tgt_type: 'glob',
      fun: 'test.arg',
      arg: [1],
      kwarg: { k: ['a'] },
      subset: 3,
      run_timeout: 120,
      metadata: { t: 4711 },
    })
  })

  it.each(['0', '-1', '1.5', 'many', ''])('takes no subset of %j', text => {
    expect(() => parse('*', 'test.ping', `--subset=${text}`)).toThrow(/no whole number/)
  })

  it.each(['x', '[1]', '5', '{a'])('takes no metadata of %j', async text => {
    await expect(parse('*', 'test.ping', '--metadata', text)).rejects.toMatchObject({ code: 'usage' })
  })

  it.each([
    [['--return', 'mysql,redis'], { ret: 'mysql,redis' }],
    [
      ['--return', 'mysql', '--return-config', 'other', '--return-kwargs', '{db: audit}'],
      { ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'audit' } },
    ],
    [
      ['--return=mysql', '--return_config=other', '--return_kwargs={"db": "audit"}'],
      { ret: 'mysql', ret_config: 'other', ret_kwargs: { db: 'audit' } },
    ],
  ])('has the returners of %j', async (words, returning) => {
    expect(await parse('*', 'test.ping', ...words)).toMatchObject(returning)
  })

  it.each([
    [['--return', 'My SQL'], "--return takes names of returners with commas, such as 'mysql,redis', got 'My SQL'"],
    [['--return', ''], '--return takes names of returners'],
    [['--return-config', 'other'], '--return-config is for returners: name them with --return too'],
    [['--return_kwargs', '{a: 1}'], '--return-kwargs is for returners: name them with --return too'],
    [['--return', 'mysql', '--return-kwargs', 'x'], "--return-kwargs takes a map such as '{db: audit}', got 'x'"],
    [['--return', 'mysql', '--return-config', 'a.b'], "--return-config takes a name of letters, digits, '_' and '-'"],
  ])('is refused with %j', async (words, message) => {
    await expect(parse('*', 'test.ping', ...words)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    })
  })

  it('needs a function', async () => {
    await expect(parse('*')).rejects.toMatchObject({ code: 'usage' })
  })
})
