// Finds drivers of clouds: those that ship with the program, and the folder `clouds/` of each of `module_dirs`.
import { type CloudDefinition, isCloudDefinition } from '../functions/define-cloud.ts'
import { type Definitions, findDefinitions } from '../functions/definitions.ts'

export const findClouds = (moduleDirs: readonly string[] = []): Promise<Definitions<CloudDefinition>> =>
  findDefinitions(
    {
      folder: 'clouds',
      word: 'cloud driver',
      isDefinition: isCloudDefinition,
      made: 'cloud({ doc, options, profile, open: options => ({ list, request, query, answers, deploy, destroy }) })',
    },
    moduleDirs,
  )
