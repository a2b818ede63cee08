// Beacon `load`: the load averages of the machine.
import { loadavg } from 'node:os'
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { beacon } from '../functions/define-beacon.ts'

const SPANS = ['1m', '5m', '15m'] as const
const range = z
  .tuple([z.number(), z.number()], 'expected [least, most]')
  .refine(([least, most]) => least <= most, 'expected [least, most], the lower number first')
  .optional()

export default beacon({
  doc: `Tells the load averages, as long as one of them is outside its limits; without limits, each time.
    Data: 1m, 5m, 15m: the averages. With onchangeonly it is told when they leave their limits and when all are inside again.
    Not on Windows, which has no load averages.
    Example:
    beacons:
      load:
        - averages:
            1m: [0.0, 2.0]
            5m: [0.0, 1.5]
        - interval: 10
        - onchangeonly: true`,
  options: z.strictObject({
    averages: z
      .strictObject({ '1m': range, '5m': range, '15m': range })
      .optional()
      .describe('[least, most] of each average'),
  }),
  open({ averages }) {
    if (process.platform === 'win32') throw new ReactorError('bad_config', 'Windows has no load averages')
    return {
      poll() {
        const found = loadavg()
        const data = Object.fromEntries(SPANS.map((span, at) => [span, found[at]!]))
        if (averages === undefined) return [{ data }]
        const isOutside = SPANS.some(span => {
          const limits = averages[span]
          return limits !== undefined && (data[span]! < limits[0] || data[span]! > limits[1])
        })
        return [{ data, state: isOutside ? 'outside' : 'inside', tell: isOutside }]
      },
    }
  },
})
