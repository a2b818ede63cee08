// What somebody wrote, in an error: enough of it to find it again.
const MOST = 100

export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text
}
