// The event that a function of a minion fires for a caller, in the shape in which Salt's minions fire theirs.
import type { ExecutionContext } from './minion-context.ts'

/** Resolves once it is stored. */
export function fireMinionEvent(
  tag: string,
  data: unknown,
  context: Pick<ExecutionContext, 'fire' | 'id'>,
  preload: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  return context.fire(tag, { ...preload, id: context.id, tag, data, cmd: '_minion_event', pretag: null })
}

/** All of them, or those named that there are. */
export function chosenFacts(
  chosen: true | readonly string[],
  grains: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (chosen === true) return { ...grains }
  return Object.fromEntries(chosen.filter(name => Object.hasOwn(grains, name)).map(name => [name, grains[name]]))
}
