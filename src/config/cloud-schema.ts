// The section `cloud` of the configuration. What a driver's provider and profiles have beside is checked by the driver.
import { z } from 'zod'
import { duration } from './duration.ts'

const name = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'a name of 1 to 64 letters, digits and . _ -, beginning with a letter or digit')

const minion = z
  .record(z.string(), z.unknown())
  .default({})
  .describe('settings of its minions as the section minion has them, and servers and tls where theirs are others')

const timeout = (usual: string, what: string) => duration.prefault(usual).describe(what)

export const cloudSettings = {
  cloud: z
    .strictObject({
      dir: z.string().default('var/cloud').describe('what drivers keep on this machine, a folder for each provider'),
      parallel: z.number().int().min(1).max(100).default(4).describe('machines that are made or taken away at once'),
      timeouts: z
        .strictObject({
          requesting: timeout('5m', 'until the provider has taken the request'),
          querying: timeout('10m', 'until it has an address'),
          waiting_for_ssh: timeout('10m', 'until it answers there'),
          deploying: timeout('10m', 'until its minion is set up and has asked to be let in'),
          destroying: timeout('5m', 'until it is gone'),
        })
        .prefault({})
        .describe('how long each stage may last'),
      providers: z
        .record(name, z.looseObject({ driver: z.string(), minion }))
        .default({})
        .describe('accounts where machines are made: a driver each, and what that needs (docs/cloud.md)'),
      profiles: z
        .record(name, z.looseObject({ provider: z.string(), minion }))
        .default({})
        .describe('what machines are made like: a provider each, and what its driver makes of it'),
    })
    .prefault({}),
}
