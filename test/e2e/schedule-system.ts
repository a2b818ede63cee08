// What tests of the master's schedule share: a runner that says in an event which slot it was run for.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** `probe.slot` fires `slot/<entry>` with the name that its work has. */
export async function writeProbe(dir: string): Promise<string> {
  const modules = join(dir, 'modules')
  await mkdir(join(modules, 'runners'), { recursive: true })
  await writeFile(
    join(modules, 'runners', 'probe.mjs'),
    `import { runner, z } from 'reactor'
export const slot = runner({
  doc: 'Says for which slot it runs.',
  args: { entry: z.string() },
  idempotent: true,
  async run({ entry }, context) { await context.fire('slot/' + entry, { key: context.key }) },
})
`,
  )
  return modules
}

export const probing = (name: string, more: Record<string, unknown>) => ({
  function: 'probe.slot',
  args: [name],
  ...more,
})

/** The slots, milliseconds, that the keys of an entry's effects name, in order. */
export const slotsOf = (name: string, keys: readonly string[]): number[] =>
  keys
    .filter(key => key.startsWith(`${name}@`))
    .map(key => Date.parse(key.slice(name.length + 1, key.indexOf('/'))))
    .sort((a, b) => a - b)

/** Slots of an interval that are missing between the first and the last, and those that are there twice. */
export function gapsIn(slots: readonly number[], intervalMs: number): { missing: number[]; twice: number[] } {
  const all = new Set(slots)
  const missing: number[] = []
  for (let at = slots[0]!; at < slots.at(-1)!; at += intervalMs) if (!all.has(at)) missing.push(at)
  return { missing, twice: slots.filter((slot, n) => n > 0 && slots[n - 1] === slot) }
}
