// `reactor jobs show`: what a job is, where it stands on each minion, and the returns, whole.
import { isObject } from '../../base/json.ts'
import type { Bus } from '../../bus/connect.ts'
import { fetchWholeJob } from '../../payload/fetch.ts'
import type { JobView } from '../../protocol/job-view.ts'
import { createReturnPrinter, createValuePrinter, forPeople, type OutOptions } from '../out/format.ts'
import { print } from '../out/print.ts'
import { jobHead, minionsTable, tableLook } from './table.ts'

export async function showJob(bus: Bus, view: JobView, options: OutOptions): Promise<void> {
  const whole = await fetchWholeJob(bus, view)
  if (!forPeople(options)) return (await createValuePrinter(options))(whole)
  const printReturns = await createReturnPrinter(options)
  const look = tableLook()
  print([...jobHead(view, Date.now(), look), '', ...minionsTable(view, Date.now(), look)].join('\n'))
  for (const id of Object.keys(whole.returns).sort()) {
    const { return: value, success } = whole.returns[id]!
    print('')
    const { data, outputter } = isObject(value) ? value : {}
    if (outputter === 'highstate' && isObject(data)) printReturns(data, !success, 'state.sls')
    else printReturns({ [id]: value }, !success, view.fun)
  }
}
