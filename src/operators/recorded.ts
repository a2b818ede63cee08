// The operators as one caller changes them, with an audit record of each change: whom it is about, never by what they log in.
import { type Audit, type Caller, failureOf } from '../audit/audit.ts'
import type { Operators } from '../functions/wheel-context.ts'

export function recordedOperators(operators: Operators, audit: Audit, caller: Caller): Operators {
  const { user, source } = caller
  const recorded = async <T>(deed: string, name: string, act: Promise<T>): Promise<T> => {
    const record = { user, source, action: `user.${deed}`, about: [name.slice(0, 100).toWellFormed()] }
    try {
      const done = await act
      audit('user', { ...record, result: 'ok' }, caller)
      return done
    } catch (error) {
      audit('user', { ...record, ...failureOf(error) }, caller)
      throw error
    }
  }
  return {
    list: () => operators.list(),
    add: wanted => recorded('add', wanted.name, operators.add(wanted)),
    change: (name, wanted) => recorded('change', name, operators.change(name, wanted)),
    async remove(name) {
      const removed = await operators.remove(name)
      if (removed) await recorded('remove', name, Promise.resolve())
      return removed
    },
  }
}
