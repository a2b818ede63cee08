// Events of a minion's life, and of what it has to say of its returners and its schedule.
import { z } from 'zod'
import { event } from './define.ts'
import { jid, map, minionId, stamp, texts } from './fields.ts'

export const minionStart = event('salt/minion/<id>/start', {
  doc: 'a minion has connected, at its start and after every loss of its link',
  by: ['minion'],
  data: {
    id: minionId,
    cmd: z.literal('_minion_event').describe("as Salt's minions say it"),
    pretag: z.null().describe("as Salt's minions say it"),
    data: z.string().describe('a sentence with the time'),
    tag: z.string().describe('the tag once more'),
    grains: map.optional().describe('those of `start_event_grains`'),
  },
  example: [
    'salt/minion/minion1/start',
    {
      id: 'minion1',
      cmd: '_minion_event',
      pretag: null,
      data: 'Minion minion1 started at Fri Nov 20 09:18:12 2026',
      tag: 'salt/minion/minion1/start',
    },
  ],
})

const returner = z.string().describe('its name')
const count = z.number().describe('how many there were since it was last said')

export const RETURNER_STATES = ['down', 'up', 'filling', 'full'] as const

export const minionReturner = event('salt/minion/<id>/returner', {
  doc: 'a returner takes nothing, or takes returns again; or what waits for returners fills its room on disk',
  by: ['minion'],
  data: {
    id: minionId,
    returner,
    state: z
      .enum(RETURNER_STATES)
      .describe('`filling`, `full`: of what waits on disk for all returners; this is the one with the most'),
    waiting: z.number().describe('returns that wait for this one; of `filling` and `full` for all'),
    bytes: z.number().describe('their bytes'),
    reason: z.string().describe('in words; empty where it takes them again'),
  },
})

export const minionReturnerRefused = event('salt/minion/<id>/returner_refused', {
  doc: 'a returner will never take these returns: they are put aside on the minion; at once, then once a minute',
  by: ['minion'],
  data: {
    id: minionId,
    returner,
    jid: jid.describe('the job of the first of them'),
    reason: z.string().describe('in words'),
    count,
  },
})

export const minionReturnerSettings = event('salt/minion/<id>/returner_settings', {
  doc: 'calls brought along settings that none of their returners has; at once, then once a minute',
  by: ['minion'],
  data: {
    id: minionId,
    ret: z.string().describe('the returners, joined by commas'),
    settings: texts.describe('names of the first such settings'),
    jid: jid.describe('the first such job'),
    reason: z.string().describe('in words'),
    count,
  },
})

/** By what follows the minion's id in the tag. */
export const RETURNER_EVENTS = {
  returner: minionReturner,
  returner_refused: minionReturnerRefused,
  returner_settings: minionReturnerSettings,
}

export const skipped = {
  name: z.string().describe('the entry'),
  reason: z.string().describe('why: `disabled`, `missed`, `maxrunning`, `in_skip_range`, …'),
  from: stamp.describe('the first time that was skipped, UTC'),
  to: stamp.describe('the last'),
  count: z.number().describe('how many'),
}

export const minionScheduleSkip = event('salt/minion/<id>/schedule/<name>/skip', {
  doc: "times of an entry of the minion's schedule were skipped",
  by: ['minion'],
  data: { id: minionId, ...skipped },
})
