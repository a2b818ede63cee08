// Ids in parts that each fit into an event.

const size = (id: string): number => Buffer.byteLength(JSON.stringify(id)) + 1

/** Of one list; an empty one is one part. */
export function idParts(ids: readonly string[], maxBytes: number): string[][] {
  const parts: string[][] = [[]]
  let bytes = 0
  for (const id of ids) {
    bytes += size(id)
    if (bytes > maxBytes && parts.at(-1)!.length > 0) {
      parts.push([])
      bytes = size(id)
    }
    parts.at(-1)!.push(id)
  }
  return parts
}

/** Of a change: those that came and those that went share a part where both fit. */
export function changeParts(
  change: { new: readonly string[]; lost: readonly string[] },
  maxBytes: number,
): { new: string[]; lost: string[] }[] {
  const both = [...change.new, ...change.lost].reduce((sum, id) => sum + size(id), 0)
  if (both <= maxBytes) return [{ new: [...change.new], lost: [...change.lost] }]
  const some = (ids: readonly string[]) => (ids.length === 0 ? [] : idParts(ids, maxBytes))
  return [
    ...some(change.lost).map(lost => ({ new: [], lost })),
    ...some(change.new).map(come => ({ new: come, lost: [] })),
  ]
}
