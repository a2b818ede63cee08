// The rule sets of the benchmarks: as many rules as asked for, of the kinds that people write.

const KINDS = [
  n => `app/service-${n}/failed`,
  n => `salt/beacon/web${n}-*/load`,
  n => `app/service-${n}/**`,
  n => `salt/job/*/ret/db${n}`,
]

/** `count` globs, none of which matches a tag of `quietTag`. */
export const globs = count => Array.from({ length: count }, (_, n) => KINDS[n % KINDS.length](n))

/** One of 5,000 different tags that no rule of `globs` wants. */
export const quietTag = n => `fleet/host-${n % 5000}/metric/cpu`

/** One of 5,000 different tags, half of which one of the first ten rules wants: the same half, however many rules there are. */
export const mixedTag = n => {
  const k = n % 5000
  if (k % 4 === 0) return `app/service-${k + 1_000_000}/failed`
  if (k % 4 === 1) return `salt/beacon/web1-${k}/load`
  if (k % 4 === 2) return `fleet/host-${k}/metric/cpu`
  return `salt/job/${20261120091820830000n + BigInt(k)}/ret/db3`
}

/** A rule document as the loader makes it. */
export const rule = (name, on, rest = {}) => ({
  rule: name,
  on: [on],
  do: [{ kind: 'runner', fun: 'test.arg', params: {} }],
  source: { file: 'bench.yaml', line: 1 },
  ...rest,
})

/** 999 rules that match nothing, and `last`. */
export const bundleOf = (hash, last) => ({
  hash,
  rules: [...globs(999).map((glob, n) => rule(`quiet-${n}`, glob)), last],
})
