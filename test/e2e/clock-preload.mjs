// For `node --import`: the clock of the process is ahead of the machine's by the milliseconds in the file CLOCK_FILE, from the
// moment on at which they are written there. Timers run on, as they do where the clock of a machine is set.
import { readFileSync } from 'node:fs'

const Real = globalThis.Date
let ahead = 0
const look = () => {
  const text = readFileSync(process.env.CLOCK_FILE, 'utf8')
  if (text !== '') ahead = Number(text)
}
look()
setInterval(look, 20).unref()

globalThis.Date = class extends Real {
  constructor(...args) {
    super(...(args.length === 0 ? [Real.now() + ahead] : args))
  }
  static now() {
    return Real.now() + ahead
  }
}
