// The alarm about a rule that was cut as a loop, and its end.
import type { AlarmData, Alarms } from '../alarms/alarms.ts'

/** Without a loop of the rule. */
const LOOP_OVER_MS = 600_000

/** Loops are told of, and told of again once they have been over for a while and begin anew. */
export function createLoopAlarm(alarms: Alarms) {
  const over = new Map<string, NodeJS.Timeout>()
  return {
    loop(rule: string, data: AlarmData<'loop'>) {
      alarms.raise('loop', rule, data)
      const timer = over.get(rule)
      if (timer) {
        timer.refresh()
        return
      }
      const end = () => {
        over.delete(rule)
        alarms.clear('loop', rule)
      }
      over.set(rule, setTimeout(end, LOOP_OVER_MS).unref())
    },
  }
}
