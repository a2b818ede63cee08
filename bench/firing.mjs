// Fires causes and sees their effects pass by, for the benches from an event to what its reaction does.
import { performance } from 'node:perf_hooks'

/** Without an effect for so long the rest are lost. */
const LOST_AFTER_MS = 60_000

/**
 * Effects `bench/effect/<n>` from now on, each counted once: `all` gives the time of each when there are `count`, and rejects
 * where some do not come.
 */
export async function watchEffects({ nc, subjects }, count, onEffect = () => {}) {
  const seen = new Set()
  const times = []
  let subscription
  const all = new Promise((resolve, reject) => {
    const lost = setTimeout(() => reject(new Error(`${count - seen.size} of ${count} effects were not seen in time`)), LOST_AFTER_MS)
    const end = () => {
      clearTimeout(lost)
      subscription.unsubscribe()
      resolve(times)
    }
    subscription = nc.subscribe(`${subjects.livePrefix}_jobs.bench.effect.*`, {
      callback: (_error, message) => {
        const n = Number(message.subject.slice(message.subject.lastIndexOf('.') + 1))
        if (seen.has(n)) return
        seen.add(n)
        times.push(performance.now())
        lost.refresh()
        onEffect(n)
        if (seen.size === count) end()
      },
    })
  })
  await nc.flush()
  return { all }
}

/**
 * Fires `count` causes `<tag>/<n>` from `n = first` on, `rate` a second: the milliseconds of each from its call to its effect,
 * and of the last effect from the last call (`behind`) and from the first (`last`).
 */
export async function fireEvenly(bus, { first, count, rate, tag = 'bench/cause' }) {
  const firedAt = new Map()
  const times = []
  const seen = await watchEffects(bus, count, n => {
    times.push(performance.now() - firedAt.get(n))
    firedAt.delete(n)
  })
  const started = performance.now()
  let sent = 0
  let lastFired = started
  await new Promise(resolve => {
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - started) * rate) / 1000))
      for (; sent < due; sent++) {
        lastFired = performance.now()
        firedAt.set(first + sent, lastFired)
        void bus.fire(`${tag}/${first + sent}`, { n: first + sent })
      }
      if (sent < count) return
      clearInterval(timer)
      resolve()
    }, Math.max(1, Math.min(1000 / rate, 5)))
  })
  const ended = (await seen.all).at(-1)
  return { times, behind: ended - lastFired, last: ended - started }
}
