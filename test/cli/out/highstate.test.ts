import { describe, expect, it } from 'vitest'
import { type HighstateStyle, highstate, isHighstate } from '../../../src/cli/out/highstate.ts'

const state = (runNum: number, more: Record<string, unknown> = {}) => ({
  ...{ name: '/etc/motd', result: true, changes: {}, comment: 'In the correct state' },
  ...{ __id__: '/etc/motd', __sls__: 'web', __run_num__: runNum, start_time: '17:52:04.123456', duration: 1.234 },
  ...more,
})
const RUN = {
  'service_|-nginx_|-nginx.service_|-running': state(1, {
    changes: { 'nginx.service': true },
    comment: 'Started\nwell',
  }),
  'file_|-/etc/motd_|-/etc/motd_|-managed': state(0, { changes: { diff: '--- \n+++ \n-old\n+new\n' } }),
  'pkg_|-vim_|-vim_|-installed': state(2, { result: false, comment: 'no such package', warnings: ['old', 'slow'] }),
  'test_|-x_|-x_|-nop': state(3, { result: null, duration: 1500 }),
}
const show = (value: unknown, style: Partial<HighstateStyle> = {}) =>
  highstate({ web1: value }, { colour: false, ...style }).join('\n')

describe('a state run', () => {
  it('is shown as Salt shows it', () => {
    expect(show(RUN)).toBe(`web1:
----------
          ID: /etc/motd
    Function: file.managed
      Result: True
     Comment: In the correct state
     Started: 17:52:04.123456
    Duration: 1.234 ms
     Changes:   
              ----------
              diff:
                  --- 
                  +++ 
                  -old
                  +new
----------
          ID: nginx
    Function: service.running
        Name: nginx.service
      Result: True
     Comment: Started
              well
     Started: 17:52:04.123456
    Duration: 1.234 ms
     Changes:   
              ----------
              nginx.service:
                  True
----------
          ID: vim
    Function: pkg.installed
      Result: False
     Comment: no such package
     Started: 17:52:04.123456
    Duration: 1.234 ms
     Changes:   
    Warnings: old
              slow
----------
          ID: x
    Function: test.nop
      Result: None
     Comment: In the correct state
     Started: 17:52:04.123456
    Duration: 1500 ms
     Changes:   

Summary for web1
------------
Succeeded: 3 (unchanged=1, changed=2)
Failed:    1
Warnings:  1
------------
Total states run:     4
Total run time:   1.504 s`)
  })

  it('is shown by lines of one state each, of all or of those that matter less', () => {
    const names = (stateOutput: HighstateStyle['stateOutput']) =>
      show(RUN, { stateOutput })
        .split('\n')
        .filter(line => line.startsWith('  Name: '))
        .map(line => line.replace(/ - Started.*/, ''))
    const [file, service, pkg, test] = [
      '  Name: /etc/motd - Function: file.managed - Result: Changed',
      '  Name: nginx.service - Function: service.running - Result: Changed',
      '  Name: vim - Function: pkg.installed - Result: Failed',
      '  Name: x - Function: test.nop - Result: Differs',
    ]
    expect(names('terse')).toEqual([file, service, pkg, test])
    expect(names('mixed')).toEqual([file, service, test])
    expect(names('changes')).toEqual([])
    expect(show({ 'test_|-x_|-x_|-nop': state(0) }, { stateOutput: 'changes' })).toContain(
      'Result: Clean - Started: 17:52:04.123456 - Duration: 1.234 ms',
    )
  })

  it('leaves out what succeeded and changed nothing where that is asked for', () => {
    const text = show({ ...RUN, 'test_|-y_|-y_|-nop': state(4) }, { stateVerbose: false })
    expect(text).not.toContain('ID: y')
    expect(text).toContain('Total states run:     5')
  })

  it('that did not begin says why', () => {
    expect(show(['no such SLS', 'and\nmore'])).toBe(`web1:
    Data failed to compile:
----------
    no such SLS
----------
    and
    more`)
  })

  it('within an orchestration is shown within its step', () => {
    const step = state(0, {
      changes: { out: 'highstate', ret: { web2: { 'test_|-x_|-x_|-nop': state(0, { changes: { a: 1 } }) } } },
    })
    const text = show({ 'salt_|-deploy_|-deploy_|-state': step })
    expect(text).toContain('\n              web2:\n              ----------\n                        ID: x\n')
    expect(text).toContain('Succeeded: 1 (changed=1)')
  })

  it('does not steer the terminal, whatever a minion returns', () => {
    const evil = '\u001b]0;x\u0007\u009b2J\u202e'
    const text = highstate(
      {
        [`web${evil}`]: {
          [`a${evil}_|-b${evil}_|-c${evil}_|-d${evil}`]: state(0, {
            ...{ comment: evil, changes: { [evil]: evil }, warnings: [evil] },
            ...{ start_time: evil, duration: evil, result: evil },
          }),
        },
        db1: [evil],
        app1: evil,
      },
      { colour: false },
    ).join('\n')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })

  it('is coloured by its results', () => {
    const colours = (result: unknown, changes = {}) => {
      const lines = highstate({ w: { 'a_|-b_|-b_|-c': state(0, { result, changes }) } }, { colour: true })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
      return [lines[0], lines[2]].map(line => /\u001b\[([\d;]+)m/.exec(line!)?.[1])
    }
    expect(colours(true)).toEqual(['32', '32'])
    expect(colours(true, { a: 1 })).toEqual(['32', '36'])
    expect(colours(false)).toEqual(['31', '31'])
    expect(colours(null)).toEqual(['1;33', '1;33'])
  })
})

describe('what a function returned', () => {
  it.each([
    ['a run', true, RUN, undefined],
    ['a run of no states', true, {}, 'state.apply'],
    ['what kept a run from beginning', true, ['no'], 'state.apply'],
    ['any list', false, ['no'], 'test.echo'],
    ['an empty map', false, {}, 'test.echo'],
    ['any map', false, { a: { result: true } }, 'state.apply'],
    ['a map of which a part is no state', false, { ...RUN, x: 1 }, 'state.apply'],
    ['a text', false, 'the job was ended', 'state.apply'],
  ])('is taken for a state run or not: %s', (_what, is, value, fun) => {
    expect(isHighstate(value, fun)).toBe(is)
  })
})
