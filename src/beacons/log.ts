// Beacon `log`: lines of a file that fit a pattern.
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { followFile } from '../execution/files/follow.ts'
import { configuredPattern, readAs } from '../execution/pattern.ts'
import { beacon, type Observation } from '../functions/define-beacon.ts'

/** What is told of one look; the next goes on behind it. */
const MOST_TOLD = 1000

const regex = z
  .string()
  .min(1)
  .transform(readAs((text: string) => configuredPattern(text, 'match')))
  .describe('what lines must fit')

export default beacon({
  doc: `Tells of lines that are appended to a file and fit a pattern.
    Data: raw: the line, its first 16 KiB; match: yes; error: empty. The tag ends in the name that the pattern has under tags.
    A pattern fits from the beginning of the line on, as in Salt: begin it with .* to have it fit anywhere. It is a regular
    expression as Python writes it, without look-ahead, look-behind and back-references. It begins at the end of the file, and goes on
    where the file is rotated or emptied. A line becomes an event as it is, with whatever secrets it holds.
    Example:
    beacons:
      log:
        - file: /var/log/auth.log
        - tags:
            login/failed:
              regex: .*Failed password for .*`,
  options: z.strictObject({
    file: z.string().refine(isAbsolute, 'expected an absolute path').describe('the file'),
    tags: z
      .record(z.string().min(1), z.strictObject({ regex }))
      .refine(tags => Object.keys(tags).length > 0, 'expected at least one tag with its regex')
      .describe('what the event tags end in, each with its regex'),
  }),
  async open({ file, tags }) {
    const followed = await followFile(file)
    return {
      async poll() {
        const found: Observation[] = []
        await followed.lines(line => {
          for (const [tag, { regex: fits }] of Object.entries(tags))
            if (fits(line)) found.push({ tag, data: { match: 'yes', raw: line, error: '' } })
          return found.length < MOST_TOLD
        })
        return found
      },
      close: () => followed.close(),
    }
  },
})
