// Runner `rules`: the rules in force, with what became of their reactions; switching them on and off; bringing others.
import { z } from 'zod'
import { runner } from '../functions/define.ts'
import { fixed } from '../functions/guards.ts'
import { splitInput } from '../report/search.ts'

const LONGEST_REASON = 500

const names = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe('rules by name: one, or several as a list or with commas')
const reason = z.string().max(LONGEST_REASON).nullish().describe('why, for whoever looks later')
const guards = { names: fixed('the name of a rule that is switched') }

export const list = runner({
  doc: `Shows the bundle in force: each rule with its mode, what it wants and does, and counts of its reactions by state, files of
    the folder that are refused, and how far behind the reactors are. Times are milliseconds since the epoch.
    Example: reactor run rules.list`,
  idempotent: true,
  run: (_args, context) => context.rules.list(),
})

export const show = runner({
  doc: `Shows one rule in force: the document, where it came from, its counts, its last error, and its messages that wait.
    Example: reactor run rules.show restart-nginx`,
  args: { name: z.string().min(1).describe('the name of a rule') },
  idempotent: true,
  run: ({ name }, context) => context.rules.show(name),
})

export const history = runner({
  doc: `Lists what was in force, newest first: each bundle with where it came from and how many rules it added, changed and
    removed, and each switching of rules.
    Example: reactor run rules.history`,
  idempotent: true,
  run: (_args, context) => context.rules.history(),
})

export const enable = runner({
  doc: `Switches rules on again that a person has switched off. All of them or, where one is not known, none.
    A rule whose document says 'mode: off' stays off.
    Example: reactor run rules.enable restart-nginx`,
  args: { names, reason },
  guards,
  run: (args, context) => context.rules.switch(splitInput(args.names), 'on', args.reason ?? undefined),
})

export const disable = runner({
  doc: `Switches rules off, whatever bundle comes, until somebody switches them on: their matches are recorded and nothing is done.
    All of them or, where one is not known, none.
    Example: reactor run rules.disable restart-nginx reason='nginx is being moved'`,
  args: { names, reason },
  guards,
  run: (args, context) => context.rules.switch(splitInput(args.names), 'off', args.reason ?? undefined),
})

export const push = runner({
  doc: `Makes rules the bundle in force, in the place of all that were. Every document is checked before; where one is bad all are
    refused with everything that is wrong, and nothing changes. Rules that are switched off stay off. Whoever may call this
    may everything: what rules do is held to no role. 'reactor rules push' makes the arguments from files.
    Example: reactor run rules.push packed="$(gzip -c rules.json | base64 -w0)" name=deploy-42`,
  args: {
    rules: z.array(z.unknown()).nullish().describe('documents, as bundles hold them'),
    packed: z.string().min(1).nullish().describe('the same as the base64 of their gzipped JSON'),
    part: z
      .strictObject({
        upload: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
        index: z.int().min(0),
        of: z.int().min(1).max(1000),
      })
      .nullish()
      .describe('this is one part of `packed`, cut where it is larger than a message; the last makes it whole'),
    name: z.string().min(1).max(200).default('rules.push').describe('what it is, for the history'),
    dry_run: z.boolean().default(false).describe('only tells what would change'),
  },
  guards: {
    rules: fixed('rules'),
    packed: fixed('rules'),
    part: fixed('rules'),
    name: fixed('the name of a push'),
    dry_run: fixed('whether it is done'),
  },
  bulky: ['rules', 'packed'],
  run: (args, context) => context.rules.push(args),
})
