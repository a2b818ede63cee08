// `reactor jobs show`: what a job is, where it stands on each minion, and the returns, whole.
import type { Bus } from '../../bus/connect.ts'
import { fetchWholeJob } from '../../payload/fetch.ts'
import type { JobView } from '../../protocol/job-view.ts'
import { createValuePrinter, forPeople, type OutOptions } from '../out/format.ts'
import { print } from '../out/print.ts'
import { jobHead, minionsTable, tableLook } from './table.ts'

export async function showJob(bus: Bus, view: JobView, options: OutOptions): Promise<void> {
  const whole = await fetchWholeJob(bus, view)
  const printValue = await createValuePrinter(options)
  if (!forPeople(options)) return printValue(whole)
  const look = tableLook()
  print([...jobHead(view, Date.now(), look), '', ...minionsTable(view, Date.now(), look)].join('\n'))
  for (const id of Object.keys(whole.returns).sort()) {
    const { return: value, success } = whole.returns[id]!
    print('')
    printValue({ [id]: value }, !success)
  }
}
