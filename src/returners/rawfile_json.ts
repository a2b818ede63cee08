// The returner `rawfile_json`: a file to which each return and event is appended as a line of JSON.
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { type ReturnerStore, returner } from '../functions/define-returner.ts'
import { createLineFile } from '../returner/line-file.ts'
import { recordText } from '../returner/record-text.ts'

export default returner({
  doc: `Appends each return and event to a file, as a line of JSON.

  A batch is written at once, so lines of several processes do not mix, and one that did not fit on the disk leaves nothing. The file is
  opened for each batch: it may be renamed and replaced at any time, as logrotate does. What is handed over again, because a process
  died or the disk was full meanwhile, is in the file twice: a reader that minds tells returns by \`jid\` and \`id\`, events by \`id\`. A
  process that dies while it writes may leave half a line, and several that write at once an empty one.`,
  options: {
    filename: z
      .string()
      .refine(isAbsolute, 'expected an absolute path')
      .default('/var/log/salt/events')
      .describe('the file; made with its folder, for its owner alone, where it is not there'),
  },
  can: ['returner', 'event_return'],
  open({ filename }): ReturnerStore {
    const file = createLineFile(filename)
    return {
      returner: async returns =>
        file.append(returns.map(one => recordText(`the return of ${one.id} to job ${one.jid}`, one))),
      event_return: async events => file.append(events.map(event => recordText(`event ${event.id}`, event))),
      close: () => file.close(),
    }
  },
})
