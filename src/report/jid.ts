// The time that a jid tells, as Salt writes it.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** `2026, Nov 20 09:18:43.644180` of 20261120091843644180, in UTC. */
export function startTime(jid: string): string {
  const part = (from: number, to: number) => jid.slice(from, to)
  const month = MONTHS[Number(part(4, 6)) - 1]
  return `${part(0, 4)}, ${month} ${part(6, 8)} ${part(8, 10)}:${part(10, 12)}:${part(12, 14)}.${part(14, 20)}`
}
