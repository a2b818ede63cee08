import { describe, expect, it } from 'vitest'
import { activeTable, jobHead, jobsTable, minionsTable } from '../../../src/cli/jobs/table.ts'
import type { JobView } from '../../../src/protocol/job-view.ts'
import { createPaint } from '../../../src/tail/colour.ts'

const plain = { paint: createPaint(false), columns: undefined }
const START = new Date(2026, 10, 20, 9, 18, 20).getTime()

const job = (more: Partial<JobView> = {}): JobView => ({
  jid: '20261120091820837210',
  kind: 'local',
  fun: 'cmd.run',
  arg: ['echo hi; exit 3', 5, { __kwarg__: true, cwd: '/tmp', env: { A: 'b' } }],
  tgt: 'web*',
  tgt_type: 'glob',
  user: 'root',
  start: START,
  deadline: START + 60_000,
  run_until: START + 120_000,
  minions: ['web1', 'web2'],
  missing: [],
  counts: { returned: 1, timed_out: 1, offline: 2 },
  active: false,
  states: { web1: 'returned', web2: 'timed_out' },
  reasons: {},
  returns: {},
  ...more,
})

describe('the table of jobs', () => {
  it('has a line for each, with its states in the order of a job’s life', () => {
    expect(jobsTable([job()], START + 12_000, plain)).toEqual([
      'JID                   AGE  FUNCTION  TARGET  USER  STATES',
      '20261120091820837210  12s  cmd.run   web*    root  2 offline, 1 returned, 1 timed out',
    ])
  })

  it('writes targets as a compound expression would, and names the kind of other functions', () => {
    const shown = (more: Partial<JobView>) =>
      jobsTable([job(more)], START, plain)[1]!
        .split(/ {2,}/)
        .slice(2, 4)
    expect(shown({ tgt: 'os:Debian', tgt_type: 'grain' })).toEqual(['cmd.run', 'G@os:Debian'])
    expect(shown({ tgt: ['a', 'b'], tgt_type: 'list' })).toEqual(['cmd.run', 'a,b'])
    expect(shown({ kind: 'runner', fun: 'runner.jobs.active', tgt: '', minions: ['_jobs'] })).toEqual([
      'runner.jobs.active',
      '_jobs',
    ])
  })

  it('fits a terminal, and lets nothing steer it', () => {
    const long = job({ tgt: 'x'.repeat(200), fun: 'm.\u001b[2J', user: 'a\u0007' })
    const [head, line] = jobsTable([long], START, { ...plain, columns: 90 })
    expect(line!.length).toBeLessThan(120)
    expect(line).toContain('…')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
    expect(line).not.toMatch(/[\u0000-\u001f]/)
    expect(head!.indexOf('STATES')).toBe(line!.indexOf('2 offline'))
  })

  it('keeps its columns where states are coloured', () => {
    const look = { paint: createPaint(true), columns: undefined }
    const open = [
      { job: job({ counts: { running: 1 } }), open: ['web1'] },
      { job: job({ counts: { running: 1, returned: 10 } }), open: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
    ]
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
    const lines = activeTable(open, START, look).map(line => line.replace(/\u001b\[\d*m/g, ''))
    expect(lines.map(line => line.slice(lines[0]!.indexOf('OPEN ON')))).toEqual([
      'OPEN ON',
      'web1',
      'a b c d e and 2 more',
    ])
  })
})

describe('one job', () => {
  it('is told by its head', () => {
    const lines = jobHead(job({ metadata: { ticket: 1 }, missing: ['ghost'], active: true }), START + 5000, plain)
    expect(lines).toEqual([
      'jid         20261120091820837210',
      'function    cmd.run \'echo hi; exit 3\' 5 cwd=/tmp env=\'{"A":"b"}\'',
      'target      web* (glob)',
      'user        root',
      'metadata    {"ticket":1}',
      'started     09:18:20 (5.0s ago)',
      'to start by 09:19:20',
      'to end by   09:20:20',
      'unknown     ghost',
      'states      2 offline, 1 returned, 1 timed out (active)',
    ])
  })

  it('names the returners that it was sent with, and no settings of theirs', () => {
    const sent = job({ ret: 'mysql,redis', ret_config: 'other', ret_kwargs: { db: '[redacted]' } })
    expect(jobHead(sent, START, plain)).toContain('returners   mysql,redis return_config=other return_kwargs=db')
    expect(jobHead(job(), START, plain).join()).not.toContain('returners')
  })

  it("names the entry of a minion's schedule that it is a run of", () => {
    expect(jobHead(job({ schedule: 'job3' }), START, plain)).toContain('schedule    job3')
  })

  it('has a line for each minion, with when it returned and what went wrong', () => {
    const view = job({
      minions: ['web1', 'web2', 'web3'],
      states: { web1: 'failed', web2: 'failed', web3: 'running' },
      reasons: { web2: 'too busy' },
      returns: { web1: { return: 'hi', retcode: 3, success: false, at: START + 1000 } },
    })
    expect(minionsTable(view, START, plain)).toEqual([
      'MINION  STATE    RETURNED',
      'web1    failed   09:18:21  retcode 3',
      'web2    failed             too busy',
      'web3    running',
    ])
  })
})
