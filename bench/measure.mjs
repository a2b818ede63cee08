// Figures: medians over runs, ratios of runs that were taken side by side, percentiles, and how they are printed.

/** Median of numbers; of an even count the upper one. */
export const median = values => percentile(values, 0.5)

/** The value below which the share `p` (0 to 1) of the values lies. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]
}

/**
 * Runs `real` and `raw` in turn, `runs` times after one pair that only warms up, and gives a row: medians, and as ratio
 * the median of the pairs' ratios. What else the machine does hits both halves of a pair, so that the ratio is steadier
 * than its parts. `others` are further loops, run in the same rounds and shown for information.
 */
export async function compare({ name, unit, aim, runs, raw, real, others = {} }) {
  const taken = { raw: [], real: [] }
  const extra = Object.fromEntries(Object.keys(others).map(key => [key, []]))
  for (let run = -1; run < runs; run++) {
    const rawValue = await raw()
    const realValue = await real()
    if (run >= 0) {
      taken.raw.push(rawValue)
      taken.real.push(realValue)
    }
    for (const [key, measure] of Object.entries(others)) {
      const value = await measure()
      if (run >= 0) extra[key].push(value)
    }
  }
  return {
    ...row({ name, unit, aim, real: median(taken.real), raw: median(taken.raw) }),
    ratio: median(taken.real.map((value, index) => value / taken.raw[index])),
    runs: taken,
    ...(Object.keys(extra).length > 0 ? { others: mapValues(extra, median) } : {}),
  }
}

/** One line of the report. `aim` is `{ratio}` or `{value}` with `atLeast` or `atMost`. */
export const row = ({ name, unit, aim, real, raw }) => ({
  name,
  unit,
  value: real,
  ...(raw === undefined ? {} : { raw, ratio: real / raw }),
  ...(aim ? { aim } : {}),
})

export const met = ({ aim, value, ratio }) => {
  if (!aim) return undefined
  const got = aim.of === 'value' ? value : ratio
  return aim.atLeast === undefined ? got <= aim.atMost : got >= aim.atLeast
}

const mapValues = (object, map) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))

export function formatRow(result) {
  const { name, unit, value, raw, ratio, aim, others = {} } = result
  const cells = [name.padEnd(46), amount(value).padStart(9), unit.padEnd(5)]
  if (raw === undefined) return cells.join(' ').trimEnd()
  cells.push(`raw ${amount(raw).padStart(9)}`, `ratio ${ratio.toFixed(2).padStart(6)}`)
  if (aim) cells.push(`aim ${aimText(aim, unit)}: ${met(result) ? 'met' : 'missed'}`)
  for (const [key, other] of Object.entries(others)) cells.push(`(${key} ${amount(other)})`)
  return cells.join('  ')
}

function aimText(aim, unit) {
  const limit = aim.atLeast === undefined ? `<= ${aim.atMost}` : `>= ${aim.atLeast}`
  return aim.of === 'value' ? `${limit} ${unit}` : limit
}

function amount(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}
