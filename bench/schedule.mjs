// What a schedule of 10,000 entries costs: how late its slots are handed over by a real schedule worker while hundreds of them
// come due each second, and what of a core it takes while none does.
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { createStack } from '../dist/base/service.js'
import { splayOf } from '../dist/schedule/splay.js'
import { percentile } from './measure.mjs'
import { openBus, startProcess } from './stage.mjs'

export const title = 'a schedule of 10,000 entries'

const ENTRIES = 10_000
const EVERY_S = 20
/** Spread over nearly all of the interval: else all of them would be due in one moment. */
const SPLAY_S = 19
const WARM_UP_MS = 5000

export async function run(stage, { seconds }) {
  return [await lateness(stage, seconds), await atRest(stage, seconds)]
}

const schedule = given =>
  Object.fromEntries(
    Array.from({ length: ENTRIES }, (_, n) => [`entry-${n}`, { function: 'runner.test.arg', maxrunning: 1000, ...given }]),
  )

/** Milliseconds from when a slot is due, its splay included, to when its reaction is on its way. */
async function lateness(stage, seconds) {
  const stack = createStack()
  try {
    const bus = await openBus(stage.url, 'timetable')
    stack.defer(() => bus.close())
    stack.add(await startProcess(stage, 'timetable', ['worker', 'schedule'], { schedule: schedule({ seconds: EVERY_S, splay: SPLAY_S }) }))
    await delay(EVERY_S * 1000 + WARM_UP_MS)
    const late = []
    const heard = bus.nc.subscribe(`${bus.subjects.ns}.reaction.>`, {
      callback: (_error, message) => {
        for (const { event } of message.json().reactions) late.push(Date.now() - dueOf(event.id))
      },
    })
    await delay(seconds * 1000)
    heard.unsubscribe()
    const name = `${ENTRIES.toLocaleString('en-US')} entries, ${Math.round(late.length / seconds)} slots a second: late, p99`
    return { name, unit: 'ms', value: percentile(late, 0.99), aim: { of: 'value', atMost: 50 } }
  } finally {
    await stack.stop()
  }
}

/** Of `<entry>@<slot>`. */
function dueOf(id) {
  const [name, slot] = id.split('@')
  const at = Date.parse(slot)
  return at + splayOf({ fromMs: 0, toMs: SPLAY_S * 1000 }, 'master', name, at)
}

async function atRest(stage, seconds) {
  const stack = createStack()
  try {
    const worker = stack.add(await startProcess(stage, 'rest', ['worker', 'schedule'], { schedule: schedule({ hours: 24 }) }))
    await delay(WARM_UP_MS)
    const [before, began] = [await cpuMs(worker.pid), performance.now()]
    await delay(seconds * 1000)
    const share = ((await cpuMs(worker.pid)) - before) / (performance.now() - began)
    return { name: 'at rest: share of a core', unit: '%', value: share * 100, aim: { of: 'value', atMost: 2 } }
  } finally {
    await stack.stop()
  }
}

/** The kernel counts in hundredths of a second. */
async function cpuMs(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
