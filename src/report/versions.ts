// The minions by their version beside the master's, as Salt's `manage.versions` shows them. Pure.

type Versions = Record<string, string | Record<string, string | false>>

const LABEL = { older: 'Minion requires update', same: 'Up to date', newer: 'Minion newer than master' } as const

/** `minions`: each one's version, `undefined` where it never said it, `false` where it is not connected. */
export function compareVersions(master: string, minions: ReadonlyMap<string, string | undefined | false>): Versions {
  const groups = new Map<string, Map<string, string | false>>()
  for (const [id, version] of [...minions].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const label = version === false ? 'Minion offline' : LABEL[relation(version, master)]
    const group = groups.get(label) ?? new Map<string, string | false>()
    groups.set(label, group.set(id, version ?? 'unknown'))
  }
  return {
    Master: master,
    ...Object.fromEntries([...groups].map(([label, group]) => [label, Object.fromEntries(group)])),
  }
}

function relation(version: string | undefined, master: string): keyof typeof LABEL {
  // Before minions said their version there was no version that was newer.
  const order = version === undefined ? -1 : compare(version, master)
  return order < 0 ? 'older' : order > 0 ? 'newer' : 'same'
}

/** By the numbers, then a version with a suffix such as `-rc1` before the one without. */
function compare(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(left.numbers.length, right.numbers.length); i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (left.suffix === right.suffix) return 0
  if (left.suffix === '' || right.suffix === '') return left.suffix === '' ? 1 : -1
  return left.suffix.localeCompare(right.suffix, 'en', { numeric: true })
}

function parts(version: string): { numbers: number[]; suffix: string } {
  const [, numbers = '0', suffix = ''] = /^v?(\d+(?:\.\d+)*)(.*)$/.exec(version.trim()) ?? []
  // What follows a plus sign names a build, not a version.
  return { numbers: numbers.split('.').map(Number), suffix: suffix.replace(/\+.*$/, '') }
}
