// What the number of rules costs: reactions stored with 10,000 rules of which ten match beside ten, with 1,000 rules that
// fire in turn beside one, by the real dispatcher; and the memory of a reactor process with 10,000 rules.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { createStack } from '../dist/base/service.js'
import { streamNames } from '../dist/protocol/streams.js'
import { ownConsumer, timeConsume } from './consume.mjs'
import { compare } from './measure.mjs'
import { openDispatcher, storedDeliveries } from './dispatcher.mjs'
import { globs, rule } from './rules.mjs'
import { fillEvents, openBus, startProcess } from './stage.mjs'

export const title = 'reactions stored with many rules (raw: with few)'

const MANY = 10_000
const IN_TURN = 1000

const fires = (name, on) =>
  rule(name, on, { do: [{ kind: 'runner', fun: 'event.send', params: { tag: 'alert/{{ origin }}', data: { value: '{{ data.value }}' } } }] })
const ten = Array.from({ length: 10 }, (_, n) => fires(`matching-${n}`, `turn/${n}/*`))
const quiet = globs(MANY - 10).map((glob, n) => rule(`quiet-${n}`, glob))

export async function run(stage, { runs, count }) {
  const bus = await openBus(stage.url, 'scale')
  try {
    const { nc, subjects } = bus
    const streams = streamNames(subjects.ns)
    const manager = await jetstreamManager(nc, { checkAPI: false })
    let serial = 0
    const timed = async rules => {
      const dispatcher = openDispatcher(bus, { hash: `scale-${serial++}`, rules })
      let delivery
      const speed = await timeConsume(bus, count, ownConsumer, (message, done) => {
        delivery ??= storedDeliveries(nc, done)
        dispatcher.handle(delivery(message))
      })
      await manager.streams.purge(streams.reactions)
      return speed
    }
    const results = []
    await fillEvents(bus, count, n => `turn/${n % 10}/host-${n % 500}`)
    results.push(
      await compare({ name: `${MANY.toLocaleString('en-US')} rules, ten match`, unit: '/s', aim: { atLeast: 0.9 }, runs, raw: () => timed(ten), real: () => timed([...ten, ...quiet]) }),
    )
    await manager.streams.purge(streams.events)
    await fillEvents(bus, count, n => `turn/${n % IN_TURN}/host`)
    const inTurn = Array.from({ length: IN_TURN }, (_, n) => fires(`turn-${n}`, `turn/${n}/*`))
    results.push(
      await compare({ name: `${IN_TURN.toLocaleString('en-US')} rules in turn`, unit: '/s', aim: { atLeast: 0.9 }, runs, raw: () => timed([fires('turn', 'turn/*/*')]), real: () => timed(inTurn) }),
    )
    const { follower, feeder } = await memory(stage)
    const name = `reactor with ${MANY.toLocaleString('en-US')} rules: memory`
    results.push({ name, unit: 'MiB', value: follower, aim: { of: 'value', atMost: 150 } })
    results.push({ name: `${name} of one that has read them from files`, unit: 'MiB', value: feeder, aim: { of: 'value', atMost: 150 } })
    return results
  } finally {
    await bus.close()
  }
}

/** RSS of a reactor process that has read the rules from a folder, and of one that takes them from it, MiB. */
async function memory(stage) {
  const folder = join(stage.dir, 'many')
  await mkdir(folder, { recursive: true })
  const rules = globs(MANY).map((glob, n) => `rule: many-${n}\non: "${glob}"\ndo:\n  - runner.event.send: { tag: "alert/{{ origin }}", data: { value: "{{ data.value }}" } }\n`)
  for (let n = 0; n < rules.length; n += 500) await writeFile(join(folder, `${n}.yaml`), rules.slice(n, n + 500).join('---\n'))
  const stack = createStack()
  try {
    const feeder = stack.add(await startProcess(stage, 'memory', ['react', '--rules', folder]))
    const follower = stack.add(await startProcess(stage, 'memory', ['react']))
    return { feeder: await rss(feeder.pid), follower: await rss(follower.pid) }
  } finally {
    await stack.stop()
  }
}

async function rss(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024
}
