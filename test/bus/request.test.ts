import { describe, expect, it } from 'vitest'
import { requestJson } from '../../src/bus/request.ts'
import { createSubjects } from '../../src/protocol/subject.ts'
import { useConnection } from '../helpers/connected.ts'

const on = useConnection()
const subjects = createSubjects('nobody')

describe('a request that nobody answers', () => {
  it.each([
    [subjects.wheel('key.list'), 'reactor master'],
    [subjects.runner('jobs.active'), 'reactor worker jobs'],
    [subjects.publish, 'reactor worker jobs'],
    [subjects.historyJob, 'reactor worker cache'],
    [subjects.historyPayload, 'reactor worker cache'],
  ])('on %s names the process that would: %s', async (subject, process) => {
    await expect(requestJson(on.nc, subject, {}, { timeoutMs: 5000, what: 'test' })).rejects.toMatchObject({
      code: 'unreachable',
      message: `test: nobody answers on '${subject}'; is '${process}' running?`,
    })
  })
})
