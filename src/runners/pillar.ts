// Runner `pillar`: the pillar of a minion as the master makes it, for the operator. Secrets are `[redacted]`.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { runner } from '../functions/define.ts'
import { failedReturn } from '../functions/failed-return.ts'
import { fixed, pillarValues } from '../functions/guards.ts'

const saltenv = z.string().nullish().describe('the environment that templates see; default: base')
const pillarenv = z.string().nullish().describe('only this environment of pillar_roots')

export const show_pillar = runner({
  doc: `Compiles the pillar of a minion, from the grains that it sent last, and returns it.
    What could not be rendered is said in full under _errors, and the job fails. Secrets are [redacted].
    Example: reactor run pillar.show_pillar web1`,
  args: {
    minion: z.string().min(1).describe('its id'),
    saltenv,
    pillarenv,
    pillar: z.record(z.string(), z.unknown()).nullish().describe('laid over what the files say'),
  },
  guards: { pillar: pillarValues, saltenv: fixed('an environment'), pillarenv: fixed('an environment') },
  idempotent: true,
  async run({ minion, saltenv, pillarenv, pillar }, context) {
    const { value, errors } = await context.pillars.show(minion, {
      ...(saltenv ? { saltenv } : {}),
      ...(pillarenv ? { pillarenv } : {}),
      ...(pillar ? { override: pillar } : {}),
    })
    if (errors.length === 0) return value
    throw failedReturn(`the pillar of '${minion}' has errors: ${errors.join('; ')}`, { ...value, _errors: errors })
  },
})

export const show_top = runner({
  doc: `Says which SLS the pillar's top file gives a minion: {environment: [sls]}.
    Example: reactor run pillar.show_top web1`,
  args: { minion: z.string().min(1).describe('its id'), pillarenv },
  guards: { pillarenv: fixed('an environment') },
  idempotent: true,
  async run({ minion, pillarenv }, context) {
    const { matches, errors } = await context.pillars.top(minion, pillarenv ? { pillarenv } : {})
    if (errors.length === 0) return matches
    throw new ReactorError('function_failed', `the pillar's top file has errors: ${errors.join('; ')}`)
  },
})
