// Finds returners: those that ship with the program, and the folder `returners/` of each of `module_dirs`; one file each, named as
// the file.
import { isReturnerDefinition, type ReturnerDefinition } from '../functions/define-returner.ts'
import { type Definitions, findDefinitions } from '../functions/definitions.ts'

export type Returners = Definitions<ReturnerDefinition>

/** The job cache that is there without any. */
export const LOCAL = 'local'

/** Those that there are; their files are not imported yet. Throws `bad_module` on names that are none, or taken. */
export const findReturners = (moduleDirs: readonly string[] = []): Promise<Returners> =>
  findDefinitions(
    {
      folder: 'returners',
      word: 'returner',
      isDefinition: isReturnerDefinition,
      made: "returner({ doc, can: ['returner'], open: options => ({ … }) })",
      reserved: { [LOCAL]: 'the job cache that is there without any' },
    },
    moduleDirs,
  )

/** With one more, or in the place of another. */
export const withReturner = (returners: Returners, name: string, definition: ReturnerDefinition): Returners => ({
  names: () => [...new Set([...returners.names(), name])].sort(),
  load: async asked => (asked === name ? definition : returners.load(asked)),
})
