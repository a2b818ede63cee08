import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanJson, cleanText, prettyJson } from '../../src/base/clean.ts'
import { createPaint, isFailure, kindOf, wantsColour } from '../../src/tail/colour.ts'
import { digest } from '../../src/tail/digest.ts'
import { dataLines, eventLine, formatTime, malformedLine } from '../../src/tail/line.ts'
import { cut, cutMiddle, displayWidth, padTo, wrap } from '../../src/tail/width.ts'

const UNSAFE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u
const now = Date.parse('2026-11-20T09:18:21Z')
const plain = createPaint(false)
const style = (columns: number) => ({ paint: plain, columns, now })
const event = (tag: string, data: Record<string, unknown>, more: object = {}) => ({
  tag,
  data,
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  believed: true,
  ...more,
})

describe('the width of a text', () => {
  it('counts wide characters twice, and marks and joiners not at all', () => {
    expect(displayWidth('abc')).toBe(3)
    expect(displayWidth('日本語')).toBe(6)
    expect(displayWidth('한글')).toBe(4)
    expect(displayWidth('e\u0301')).toBe(1)
    expect(displayWidth('🎉')).toBe(2)
    expect(displayWidth('👩‍👩‍👧')).toBe(2)
    expect(displayWidth('🇩🇪')).toBe(2)
    expect(displayWidth('1️⃣')).toBe(2)
    expect(displayWidth('é→│└✓✗…')).toBe(7)
  })

  it('cuts at whole characters, so that a line never gets wider than asked', () => {
    expect(cut('日本語', 5)).toBe('日本…')
    expect(cut('日本語', 4)).toBe('日…')
    expect(cut('short', 5)).toBe('short')
    expect(cut('anything', 0)).toBe('')
    const texts = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 40 }), (text, columns) => {
        const shown = cleanText(text)
        return displayWidth(cut(shown, columns)) <= columns && displayWidth(cutMiddle(shown, columns)) <= columns
      }),
    )
  })

  it('keeps both ends of what is cut in the middle', () => {
    expect(cutMiddle('salt/job/20261120091820838387/ret/web1', 21)).toBe('salt/job/2…7/ret/web1')
  })

  it('pads by columns, not by characters', () => {
    expect(padTo('日本', 6)).toBe('日本  ')
  })
})

describe('what others wrote', () => {
  it('reaches the terminal without anything that the terminal would obey', () => {
    expect(cleanText('a\x1b[31mb\r\n\x07\u009b2J\u202ec\x7f')).toBe('a\\x1b[31mb\\r\\n\\x07\\x9b2J\\u202ec\\x7f')
    expect(cleanText('lone \ud800 surrogate')).toBe('lone \ufffd surrogate')
  })

  it('is left alone where it is only foreign', () => {
    expect(cleanText('日本語 é 👩‍👧 العربية')).toBe('日本語 é 👩‍👧 العربية')
  })

  it('is the same JSON after it was made safe', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const line = cleanJson(value)
        expect(line).not.toMatch(UNSAFE)
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(JSON.parse(prettyJson(value).join('\n'))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
    expect(cleanJson({ t: '\u009b2J\u{e0041}' })).toBe('{"t":"\\u009b2J\\udb40\\udc41"}')
  })

  it('cannot slip into a line, whatever the tag, origin and data', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 })
    const data = fc.dictionary(text, fc.jsonValue() as fc.Arbitrary<unknown>, { maxKeys: 4 })
    fc.assert(
      fc.property(text, text, data, fc.integer({ min: 40, max: 130 }), (tag, origin, values, columns) => {
        const line = eventLine(event(tag, values, { origin }), true, style(columns))
        expect(line).not.toMatch(UNSAFE)
        expect(displayWidth(line)).toBeLessThanOrEqual(columns)
        for (const below of dataLines(values, plain)) expect(below).not.toMatch(UNSAFE)
      }),
    )
    expect(malformedLine('\x1b[2J', now, style(80))).toContain('malformed: \\x1b[2J')
  })
})

describe('the digest', () => {
  it('of a return tells id, function, outcome and value', () => {
    const good = { id: 'web1', jid: '1', fun: 'test.ping', fun_args: [], return: true, retcode: 0, success: true }
    expect(digest('salt/job/1/ret/web1', good, 80)).toBe('web1 ✓ test.ping true')
    const bad = { ...good, fun: 'cmd.run', return: 'ls: no\nsuch', retcode: 2, success: false }
    expect(digest('salt/job/1/ret/web1', bad, 80)).toBe("web1 ✗ cmd.run retcode=2 'ls: no\\nsuch'")
  })

  it('leaves out an id that the line tells already as the origin', () => {
    expect(digest('salt/job/1/ret/web1', { id: 'web1', fun: 'test.ping', return: true }, 80, 'web1')).toBe(
      '✓ test.ping true',
    )
  })

  it('of a new job tells function, arguments, target, minions and user', () => {
    const job = {
      jid: '1',
      fun: 'cmd.run',
      arg: ['uptime', { __kwarg__: true, cwd: '/' }],
      tgt: 'web*',
      tgt_type: 'glob',
      minions: ['web1', 'web2'],
      missing: [],
      user: 'ada',
    }
    expect(digest('salt/job/1/new', job, 100)).toBe('cmd.run uptime cwd=/ tgt=web* minions=[web1, web2] user=ada')
    expect(digest('salt/job/1/new', { ...job, arg: [], minions: ['a', 'b', 'c', 'd'] }, 100)).toBe(
      'cmd.run tgt=web* 4 minions user=ada',
    )
  })

  it('of the sending of a job tells who does not run it yet, or that all do', () => {
    const sent = { jid: '1', offline: [], refused: {}, waiting: [] }
    expect(digest('salt/job/1/sent', sent, 80)).toBe('all run it')
    const some = { ...sent, offline: ['web1'], refused: { db1: 'busy' }, waiting: ['a', 'b', 'c', 'd'] }
    expect(digest('salt/job/1/sent', some, 80)).toBe('offline=[web1] refused={db1: busy} waiting=4 minions')
    const refused = Object.fromEntries(['a', 'b', 'c', 'd'].map(id => [id, 'busy']))
    expect(digest('salt/job/1/sent', { ...sent, refused }, 80)).toBe('refused=4 minions')
    expect(digest('salt/job/1/sent', { jid: '1' }, 80)).toBe('jid=1')
  })

  it('of a job that starts late tells the function', () => {
    const start = { id: 'web1', jid: '1', fun: 'test.ping' }
    expect(digest('salt/job/1/prog/web1/start', start, 80, 'web1')).toBe('started test.ping')
    expect(digest('salt/job/1/prog/web1/start', start, 80, 'web2')).toBe('web1 started test.ping')
  })

  it('leaves no gap where a call has only arguments that the line does not show', () => {
    const call = { fun: 'runner.event.send', arg: [{ __kwarg__: true, tag: 'a/b' }], user: 'ada' }
    expect(digest('salt/run/1/new', call, 80)).toBe('runner.event.send user=ada')
  })

  it('tells of a state of a run how far the run is and what became of it', () => {
    const state = (result: boolean | null, changes: object, at = 1) => ({
      ...{ id: 'web1', jid: '1', fun: 'file.managed', len: 3 },
      ret: {
        'file_|-motd_|-/etc/motd_|-managed': {
          name: '/etc/motd',
          result,
          changes,
          comment: 'no disk\x07',
          __run_num__: at,
        },
      },
    })
    const of = (data: Record<string, unknown>) => digest('salt/job/1/prog/web1/1', data, 80, 'web1')
    expect(of(state(true, { diff: 'x' }))).toBe('2/3 ✓ file.managed /etc/motd changed')
    expect(of(state(true, {}))).toBe('2/3 ✓ file.managed /etc/motd')
    expect(of(state(null, { newfile: 'x' }))).toBe('2/3 ✓ file.managed /etc/motd would change')
    expect(of(state(false, {}))).toBe('2/3 ✗ file.managed /etc/motd: no disk\\x07')
    expect(of(state(true, {}, 3))).toBe('4 ✓ file.managed /etc/motd')
    expect(digest('salt/state_result/1/web1/motd', state(true, {}), 80, 'web2')).toBe(
      'web1 2/3 ✓ file.managed /etc/motd',
    )
    expect(isFailure('salt/job/1/prog/web1/1', state(false, {}))).toBe(true)
    expect(isFailure('salt/job/1/prog/web1/1', state(null, {}))).toBe(false)
  })

  it('counts the states of a run that has returned', () => {
    const states = [
      { result: true, changes: { a: 1 } },
      { result: true, changes: {} },
      { result: false, changes: { a: 1 } },
      { result: null, changes: {} },
    ]
    const run = Object.fromEntries(states.map((one, at) => [`m_|-${at}_|-${at}_|-f`, { ...one, __run_num__: at }]))
    const returned = { id: 'web1', fun: 'state.apply', retcode: 2, return: run }
    expect(digest('salt/job/1/ret/web1', returned, 80, 'web1')).toBe(
      '✗ state.apply retcode=2 4 states, 1 failed, 2 changed, 1 would change',
    )
    const orchestrated = { outputter: 'highstate', retcode: 1, data: { m_master: run } }
    expect(
      digest('salt/run/1/ret', { fun: 'runner.state.orchestrate', success: false, return: orchestrated }, 99),
    ).toBe('✗ runner.state.orchestrate 4 states, 1 failed, 2 changed, 1 would change')
  })

  it('of a return that lies apart tells its size, and of one that died or was late that it was', () => {
    const large = { fun: 'cmd.run', return: null, retcode: 0, success: true, payload: { name: '1', size: 5242880 } }
    expect(digest('salt/job/1/ret/web1', large, 80)).toBe('✓ cmd.run (5,242,880 bytes)')
    const dead = { fun: 'cmd.run', return: 'gone', retcode: 1, success: false, outcome: 'died' }
    expect(digest('salt/job/1/ret/web1', dead, 80)).toBe('✗ cmd.run died gone')
    expect(digest('salt/job/1/ret/web1', { ...dead, outcome: 'timed_out' }, 80)).toBe('✗ cmd.run timed out gone')
  })

  it('of any other event is key=value, telling keys first and noise left out', () => {
    const data = {
      zone: 'eu',
      _stamp: 'x',
      nested: { a: [1, null], b: { c: { d: { e: 1 } } } },
      name: 'a b',
      empty: '',
    }
    expect(digest('my/own', data, 120)).toBe("name='a b' zone=eu nested={a: [1, null], b: {c: {d: {…}}}} empty=''")
  })

  it('stays short and quick on data of any size', () => {
    const big = { text: 'x'.repeat(5_000_000), list: Array.from({ length: 500_000 }, (_, n) => n) }
    expect(displayWidth(digest('big', big, 60))).toBe(60)
  })
})

describe('an event line', () => {
  it('fits 80 columns with time, tag, origin and digest', () => {
    const line = eventLine(
      event('salt/minion/web1/start', { id: 'web1', data: 'Minion web1 started' }),
      false,
      style(80),
    )
    expect(line).toBe(
      `${formatTime(Date.parse('2026-11-20T09:18:20.838Z'), now, false)} salt/minion/web1/start web1 Minion web1 started`,
    )
  })

  it('tells the age of what is old or comes from history, and a clock that is ahead', () => {
    expect(eventLine(event('x', {}), false, style(80))).not.toContain('ago')
    expect(eventLine(event('x', {}), true, style(80))).toContain('162ms ago')
    expect(eventLine(event('x', {}, { stamp: '2026-11-20T09:13:20' }), false, style(80))).toContain('5m ago')
    expect(eventLine(event('x', {}, { stamp: '2026-11-20T09:20:21' }), false, style(80))).toContain('clock 2m ahead')
  })

  it('marks what is not believed', () => {
    expect(eventLine(event('salt/key', { id: 'x' }, { believed: false }), false, style(80))).toContain(
      'web1 not believed id=x',
    )
  })

  it('is coloured by kind, with failures in red', () => {
    const paint = createPaint(true)
    const colours = (tag: string, data = {}, more = {}) =>
      eventLine(event(tag, data, more), false, { ...style(80), paint })
    expect(colours('salt/job/1/new')).toContain('\x1b[36msalt/job/1/new')
    expect(colours('salt/job/1/ret/web1', { fun: 'f', retcode: 1 })).toContain('\x1b[31msalt/job/1/ret/web1')
    expect(colours('mine')).toContain('\x1b[1mmine')
    const doubted = colours('salt/key', {}, { believed: false })
    expect([doubted.startsWith('\x1b[2m'), doubted.split('\x1b').length]).toEqual([true, 3])
  })

  it('knows the kinds and the failures', () => {
    expect(
      [
        'salt/run/1/new',
        'salt/auth',
        'salt/key',
        'salt/presence/change',
        'salt/beacon/m/load/',
        'salt/cloud/x',
        'deploy/constructor',
        'salt/constructor',
      ].map(kindOf),
    ).toEqual(['run', 'auth', 'auth', 'presence', 'beacon', 'other', 'own', 'other'])
    expect(isFailure('salt/run/1/ret', { success: false })).toBe(true)
    expect(isFailure('salt/auth', { result: false })).toBe(true)
    expect(isFailure('deploy', { success: false })).toBe(false)
  })
})

describe('colours', () => {
  it('are used on a terminal only, and not against NO_COLOR or --no-color', () => {
    expect(wantsColour(undefined, true, {})).toBe(true)
    expect(wantsColour(undefined, false, {})).toBe(false)
    expect(wantsColour(false, true, {})).toBe(false)
    expect(wantsColour(true, true, { NO_COLOR: '1' })).toBe(false)
    expect(wantsColour(true, true, { TERM: 'dumb' })).toBe(false)
  })
})

describe('wrapping', () => {
  it('breaks between words and loses none', () => {
    const text = 'profile: there is no smtp profile named ops-mail in the config of this process'
    const lines = wrap(text, 30, 9)
    expect(lines.join(' ')).toBe(text)
    for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(30)
  })

  it('breaks a word that is longer than a line, and cuts the last line', () => {
    expect(wrap('a'.repeat(25), 10, 9)).toEqual(['a'.repeat(10), 'a'.repeat(10), 'a'.repeat(5)])
    expect(wrap('a'.repeat(100), 10, 2)).toEqual(['a'.repeat(10), `${'a'.repeat(9)}…`])
  })
})
