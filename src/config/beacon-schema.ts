// Settings of a minion's beacons.
import { z } from 'zod'

export const beaconSettings = {
  beacons: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      'what this minion looks at itself, by name, each with its options as Salt writes them; one that is wrong is refused by itself (docs/beacons.md)',
    ),
}
