// The declarations of the states `test`, which runs on minions and orchestrations both have: they do nothing, and end as they are
// told to.
import { z } from 'zod'
import { commonState } from './define.ts'
import type { OfAState, StateReturn } from './state-context.ts'
import { changed, failed, unchanged, wouldChange } from './state-return.ts'

const name = z.string().describe('any text')
const comment = (text: string) => z.string().default(text).describe('the comment of its result')
const CHANGES = { testing: { old: 'Unchanged', new: 'Something pretended to change' } }
const FIRED = 'Watch statement fired.'

const fired = (_args: unknown, { test }: OfAState): StateReturn =>
  test ? wouldChange(FIRED, CHANGES) : changed(FIRED, CHANGES)

export const succeed_without_changes = commonState({
  doc: `Succeeds and changes nothing.
    Example:
      always passes:
        test.succeed_without_changes:
          - comment: nothing to see here`,
  args: { name, comment: comment('Success!') },
  idempotent: true,
  run: ({ comment }) => unchanged(comment),
  watch: fired,
})

export const succeed_with_changes = commonState({
  doc: `Succeeds and says that it has changed something.
    Example:
      always changes:
        test.succeed_with_changes: []`,
  args: { name, comment: comment('Success!') },
  run: ({ comment }, { test }) =>
    test
      ? wouldChange("If we weren't testing, we would be successful with changes", CHANGES)
      : changed(comment, CHANGES),
  watch: fired,
})

export const fail_without_changes = commonState({
  doc: `Fails and changes nothing.
    Example:
      always fails:
        test.fail_without_changes: []`,
  args: { name, comment: comment('Failure!') },
  run: ({ comment }, { test }) => failed(test ? "If we weren't testing, we would be a failure" : comment),
})

export const fail_with_changes = commonState({
  doc: `Fails and says that it has changed something.
    Example:
      always changes and fails:
        test.fail_with_changes: []`,
  args: { name, comment: comment('Failure!') },
  run: ({ comment }, { test }) =>
    test ? wouldChange("If we weren't testing, we would be failed with changes", CHANGES) : failed(comment, CHANGES),
})

export const nop = commonState({
  doc: `Does nothing: a place to hang requisites on. Other arguments are taken and not looked at.
    Example:
      the web server is done:
        test.nop:
          - require:
            - service: nginx`,
  args: { name },
  extra: 'kwargs',
  idempotent: true,
  run: () => unchanged('Success!'),
  watch: fired,
})

const chance = z.union([z.boolean(), z.literal('Random')]).default(true)
const drawn = (value: boolean | 'Random') => (value === 'Random' ? Math.random() < 0.5 : value)

export const configurable_test_state = commonState({
  doc: `Ends as its arguments say.
    Example:
      changes and fails:
        test.configurable_test_state:
          - changes: True
          - result: False
          - comment: the disk is on fire`,
  args: {
    name,
    changes: chance.describe("whether it says that it has changed something; or 'Random'"),
    result: chance.describe("whether it succeeds; or 'Random'"),
    comment: z.string().default('').describe('the comment of its result'),
    warnings: z
      .union([z.string().transform(text => [text]), z.array(z.string())])
      .optional()
      .describe('a warning, or a list of them, that goes with its result'),
    allow_test_mode_failure: z.boolean().default(true).describe('with test=True, too, it fails where result says so'),
  },
  run(args, { test }) {
    const changes = drawn(args.changes) ? CHANGES : {}
    const succeeds = drawn(args.result)
    const warnings = args.warnings ? { warnings: args.warnings } : {}
    if (!test) return { result: succeeds, changes, comment: args.comment, ...warnings }
    const wouldFail = !succeeds && args.allow_test_mode_failure
    const result = wouldFail ? false : args.changes === false ? true : null
    return { result, changes, comment: args.comment === '' ? 'This is a test' : args.comment, ...warnings }
  },
  watch: fired,
})

export const show_notification = commonState({
  doc: `Succeeds with a text for whoever reads the results.
    Example:
      say it:
        test.show_notification:
          - text: the machine is to be restarted by hand`,
  args: { name, text: z.string().describe('what to say') },
  idempotent: true,
  run: ({ text }) => unchanged(text),
})
