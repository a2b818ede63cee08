// Finds beacons: those that ship with the program, and the folder `beacons/` of each of `module_dirs`.
import { type BeaconDefinition, isBeaconDefinition } from '../functions/define-beacon.ts'
import { type Definitions, findDefinitions } from '../functions/definitions.ts'

export type Beacons = Definitions<BeaconDefinition>

/** Those that there are; their files are not imported yet. Throws `bad_module` on names that are none, or taken. */
export const findBeacons = (moduleDirs: readonly string[] = []): Promise<Beacons> =>
  findDefinitions(
    {
      folder: 'beacons',
      word: 'beacon',
      isDefinition: isBeaconDefinition,
      made: 'beacon({ doc, options: z.strictObject({ … }), open: options => ({ poll }) })',
    },
    moduleDirs,
  )
