import { afterEach, expect, it, vi } from 'vitest'
import type { Bus } from '../../../src/bus/connect.ts'
import { showJob } from '../../../src/cli/jobs/show.ts'
import type { OutOptions } from '../../../src/cli/out/format.ts'
import type { JobView } from '../../../src/protocol/job-view.ts'

afterEach(() => void vi.restoreAllMocks())

const STATE = { name: 'x', result: true, changes: {}, comment: 'well', __run_num__: 0, start_time: '', duration: 1 }
const RUN = { 'test_|-x_|-x_|-nop': STATE }

/** What `reactor jobs show` prints of a job with these returns. */
async function shown(fun: string, returns: Record<string, unknown>, options: OutOptions = {}): Promise<string> {
  const ids = Object.keys(returns)
  const view: JobView = {
    ...{ jid: '20261120091820837210', kind: 'local', fun, arg: [], tgt: '*', tgt_type: 'glob', user: 'root' },
    ...{ start: 0, deadline: 1, run_until: 1, minions: ids, missing: [], counts: {}, active: false, reasons: {} },
    states: Object.fromEntries(ids.map(id => [id, 'returned' as const])),
    returns: Object.fromEntries(ids.map(id => [id, { return: returns[id], retcode: 0, success: true, at: 1 }])),
  }
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => written.push(String(text)) > 0)
  // Nothing of it lies apart.
  await showJob({} as Bus, view, options)
  return written.join('')
}

it('a state run is shown as one, with the options for it; another return as a value', async () => {
  expect(await shown('state.apply', { web1: RUN, web2: 'gone' })).toMatch(
    /\nweb1:\n-{10}\n {10}ID: x\n[\s\S]*\nSummary for web1\n[\s\S]*\nweb2:\n {4}gone\n$/,
  )
  expect(await shown('state.apply', { web1: RUN }, { stateOutput: 'terse' })).toContain(
    '  Name: x - Function: test.nop',
  )
  expect(await shown('state.sls', { web1: ['no such SLS'] })).toContain('    Data failed to compile:')
  expect(await shown('test.echo', { web1: ['no such SLS'] })).toContain('    - no such SLS')
})

it('an orchestration is shown as the run that it is', async () => {
  const value = { outputter: 'highstate', retcode: 0, data: { m_master: RUN } }
  expect(await shown('runner.state.orchestrate', { _jobs: value })).toContain('\nSummary for m_master\n')
})
