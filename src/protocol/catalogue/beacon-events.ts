// Events of the beacons that ship with the program. In the place of its name a beacon that was given another has that.
import { z } from 'zod'
import { event } from './define.ts'
import { minionId } from './fields.ts'

const id = { id: minionId }

export const beaconService = event('salt/beacon/<id>/service/<service>', {
  doc: 'whether a service runs, as the beacon `service` asks',
  by: ['minion'],
  data: {
    ...id,
    service_name: z.string().describe('the service'),
    running: z.boolean().describe('whether it runs'),
  },
  more: 'under the name of the service a map with `running`, and `uncleanshutdown` where that was asked: whether its pid file was left',
})

export const beaconLoad = event('salt/beacon/<id>/load/', {
  doc: 'the load averages, outside their limits or inside again',
  by: ['minion'],
  data: {
    ...id,
    '1m': z.number().describe('the average of a minute'),
    '5m': z.number().describe('of five'),
    '15m': z.number().describe('of fifteen'),
  },
  example: ['salt/beacon/minion1/load/', { '1m': 2.25048828125, '5m': 1.927734375, '15m': 1.1953125, id: 'minion1' }],
})

export const beaconMemusage = event('salt/beacon/<id>/memusage/', {
  doc: 'how much of the memory is in use: as much as set, or more; less again',
  by: ['minion'],
  data: { ...id, memusage: z.number().describe('percent') },
})

export const beaconDiskusage = event('salt/beacon/<id>/diskusage/', {
  doc: 'how full a file system is: as full as set, or more; less again',
  by: ['minion'],
  data: {
    ...id,
    diskusage: z.number().describe('percent, as df has it'),
    mount: z.string().describe('where it is mounted'),
  },
})

export const beaconInotify = event('salt/beacon/<id>/inotify/<path…>', {
  doc: 'something happened to a file or folder; the tag ends in the watched folder, of a watched file in its path',
  by: ['minion'],
  data: {
    ...id,
    path: z.string().describe('the file or folder'),
    change: z
      .string()
      .describe(
        '`IN_CREATE`, `IN_DELETE`, `IN_MODIFY`, `IN_ATTRIB`, `IN_DELETE_SELF`, `IN_CLOSE_WRITE`, of a folder with `|IN_ISDIR`; `IN_Q_OVERFLOW`: more than are told',
      ),
  },
})

export const beaconPs = event('salt/beacon/<id>/ps/', {
  doc: 'whether a process runs',
  by: ['minion'],
  data: id,
  more: 'the name of the process, with `Running` or `Stopped`',
})

export const beaconLog = event('salt/beacon/<id>/log/<tag…>', {
  doc: 'a line that was appended to a file and fits a pattern; the tag ends in its name',
  by: ['minion'],
  data: {
    ...id,
    raw: z.string().describe('the line, its first 16 KiB'),
    match: z.literal('yes').describe("as Salt's beacon says it"),
    error: z.literal('').describe("as Salt's beacon says it"),
  },
})
