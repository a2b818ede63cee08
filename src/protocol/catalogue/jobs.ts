// Events of jobs on minions.
import { z } from 'zod'
import { CUT_SHORT } from '../lifecycle.ts'
import { event } from './define.ts'
import { fun, jid, map, minionId, payload, target, texts, times } from './fields.ts'

export const jobNew = event('salt/job/<jid>/new', {
  doc: 'a job is about to go to its minions; its record is stored',
  by: ['_jobs'],
  data: {
    jid,
    fun,
    arg: z.array(z.unknown()).describe('positional arguments, then one map of named ones, marked `__kwarg__`'),
    tgt: target.describe('the target, as it was asked for'),
    tgt_type: z.string().describe('its type: `glob`, `list`, `compound`, …'),
    minions: texts.describe('the minions that it is for'),
    missing: texts.describe('ids of a list target that nobody knows'),
    user: z
      .string()
      .describe('who asked: an operator, `rule:<name>`, `schedule:<name>`, `runner:<fun>`, `peer:<minion>`'),
    ...times,
    metadata: map.optional().describe('what the caller gave to find it by'),
    ret: z.string().optional().describe('returners that get its returns, joined by commas'),
    ret_config: z.string().optional().describe("under which name the minion's settings for them stand"),
    ret_kwargs: map.optional().describe('names of settings that it brings along; their values are left out'),
  },
  example: [
    'salt/job/20261120091904734234/new',
    {
      jid: '20261120091904734234',
      tgt_type: 'glob',
      tgt: '*',
      user: 'root',
      fun: 'test.arg',
      arg: [1, 'two', { __kwarg__: true, k: 'v' }],
      minions: ['minion1'],
      missing: [],
      deadline: 1795166404734,
      run_until: 1795252804734,
    },
  ],
})

export const jobSent = event('salt/job/<jid>/sent', {
  doc: 'the job has gone to its minions, and what they said at once; minions that are in none of its lists run it',
  by: ['_jobs'],
  data: {
    jid,
    offline: texts.describe('away: they get it when they come before the deadline'),
    refused: z.record(z.string(), z.string()).describe('minions that did not take it, and why'),
    waiting: texts.describe('where it waits for others to end, or which have not said yet whether they take it'),
  },
})

export const jobReturn = event('salt/job/<jid>/ret/<id>', {
  doc: 'a minion has run a job, or could not; also a function that `reactor local` ran there, or its own schedule',
  by: ['minion'],
  data: {
    id: minionId,
    jid,
    fun,
    fun_args: z.array(z.unknown()).describe('its arguments'),
    return: z.unknown().describe('what it returned, or in words why it failed'),
    retcode: z.number().describe('0 where all went well'),
    success: z.boolean().describe('whether it did what it should'),
    cmd: z.literal('_return').describe("as Salt's minions say it"),
    outcome: z
      .enum(CUT_SHORT)
      .optional()
      .describe('it did not come to its own end: the minion died, or its time was over'),
    payload: payload.optional(),
    schedule: z
      .string()
      .optional()
      .describe("the entry of the minion's schedule that it is a run of; the following are of such runs alone"),
    metadata: map.optional().describe('that of the entry'),
    nocache: z.literal(true).optional().describe('the job cache passes it over'),
    pid: z.number().optional().describe('process id of the minion'),
    arg: z.array(z.unknown()).optional().describe('its arguments once more'),
    tgt: z.string().optional().describe('the minion'),
    tgt_type: z.string().optional().describe('`glob`'),
  },
  example: [
    'salt/job/20261120091843644180/ret/minion1',
    {
      cmd: '_return',
      id: 'minion1',
      success: false,
      return: '',
      retcode: -10,
      jid: '20261120091843644180',
      fun: 'cmd.run',
      fun_args: ['sleep 30'],
    },
  ],
})

export const jobStarted = event('salt/job/<jid>/prog/<id>/start', {
  doc: 'a job that waited on its minion for others to end begins now',
  by: ['minion'],
  data: { id: minionId, jid, fun },
})

const progress = {
  jid,
  fun: z.string().describe('the state function: `file.managed`'),
  len: z.number().describe('how many states the run has'),
  ret: z
    .record(z.string(), map)
    .describe("the state's result under its tag; long texts in it are cut: the return has all of it"),
}

export const jobProgress = event('salt/job/<jid>/prog/<id>/<run_num>', {
  doc: 'a state of a run has ended, where `state_events` is on',
  by: ['minion'],
  data: { id: minionId, ...progress },
})

export const stateResult = event('salt/state_result/<jid>/<id>/<name…>', {
  doc: 'a state with `fire_event` has ended; `<name…>` is what it asks for, or the name of the state',
  by: ['minion', '_jobs'],
  data: { id: z.string().describe('the minion; of an orchestration the master'), ...progress },
})

export const orchestrationProgress = event('salt/run/<jid>/prog/<id>/<run_num>', {
  doc: 'a step of an orchestration has ended',
  by: ['_jobs'],
  data: { id: z.string().describe('the master'), ...progress },
})
