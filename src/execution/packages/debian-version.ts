// The order of Debian's versions, `[epoch:]upstream[-revision]`, as deb-version(7) says and dpkg has it.

/** Negative where `a` is the older one, 0 where they are the same. */
export function compareDebian(a: string, b: string): number {
  const [one, two] = [parts(a), parts(b)]
  return one.epoch - two.epoch || compareText(one.upstream, two.upstream) || compareText(one.revision, two.revision)
}

function parts(version: string) {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(version.trim()) ?? []
  const dash = rest.lastIndexOf('-')
  const [upstream, revision] = dash < 0 ? [rest, ''] : [rest.slice(0, dash), rest.slice(dash + 1)]
  return { epoch: Number(epoch), upstream, revision }
}

/** A tilde comes before everything, the end of the text too; letters come before all other characters. */
function weight(char: string | undefined): number {
  if (char === undefined || /\d/.test(char)) return 0
  if (char === '~') return -1
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256
}

/** By turns what is no digit, character by character, and numbers. */
function compareText(a: string, b: string): number {
  const [one, two] = [runs(a), runs(b)]
  for (let at = 0; at < Math.max(one.length, two.length); at += 1) {
    const order = at % 2 === 0 ? compareLetters(one[at] ?? '', two[at] ?? '') : compareNumbers(one[at], two[at])
    if (order !== 0) return order
  }
  return 0
}

/** `1.2a` as ['', '1', '.', '2', 'a']. */
const runs = (text: string): string[] => text.split(/(\d+)/)

function compareLetters(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const order = weight(a[at]) - weight(b[at])
    if (order !== 0) return order
  }
  return 0
}

function compareNumbers(a = '0', b = '0'): number {
  const [one, two] = [BigInt(a), BigInt(b)]
  return one < two ? -1 : one > two ? 1 : 0
}
