// Records in commands of a size that holds up nobody else for long.

const MOST_RECORDS = 500
const MOST_LENGTH = 4_000_000

/** A record that is larger than all of a batch may be stands alone. */
export function* batched<T extends { values: string[] }>(records: readonly T[]): Iterable<T[]> {
  let batch: T[] = []
  let length = 0
  for (const record of records) {
    const own = record.values.reduce((sum, value) => sum + value.length, 0)
    if (batch.length > 0 && (batch.length === MOST_RECORDS || length + own > MOST_LENGTH)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push(record)
    length += own
  }
  if (batch.length > 0) yield batch
}
