import { describe, expect, it } from 'vitest'
import { fact } from '../../../src/functions/define-fact.ts'
import type { JobRecord } from '../../../src/protocol/job.ts'
import { createLookUp, jidOfTag } from '../../../src/reactor/facts/lookup.ts'
import type { Facts } from '../../../src/reactor/rules/facts.ts'

const JID = '20261120091820837210'
const event = (facts: Partial<Facts> = {}): Facts => ({
  tag: `salt/job/${JID}/ret/web1`,
  data: { id: 'web1' },
  origin: 'web1',
  stamp: '2026-11-20T09:18:20.838387',
  ...facts,
})
const record = { jid: JID, kind: 'local', fun: 'test.ping', user: '_user-ann' } as JobRecord
const noJobs = async () => undefined
const doc = 'A fact.'
const never = () => new Promise<never>(() => undefined)

describe('the job of an event', () => {
  it.each([
    [`salt/job/${JID}/ret/web1`, JID],
    [`salt/job/${JID}/new`, JID],
    [`salt/run/${JID}/ret`, JID],
    [`salt/job/${JID}`, undefined],
    [`salt/job/${JID}0/new`, undefined],
    ['salt/job/>/new', undefined],
    [`salt/wheel/${JID}/ret`, undefined],
    [`x/salt/job/${JID}/new`, undefined],
  ])('of %s is %s', (tag, jid) => {
    expect(jidOfTag(tag)).toBe(jid)
  })

  it('is looked up by the jid in the tag', async () => {
    const asked: string[] = []
    const jobRecord = async (jid: string) => {
      asked.push(jid)
      return record
    }
    const lookUp = createLookUp({ jobRecord, facts: new Map() })
    expect(await lookUp([{ fact: 'job' }], event())).toEqual({ job: record, own: {} })
    expect(await lookUp([{ fact: 'job' }], event({ tag: 'my/tag' }))).toEqual({ own: {} })
    expect(asked).toEqual([JID])
  })

  it('is nothing where the record is gone', async () => {
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map() })
    expect(await lookUp([{ fact: 'job' }], event())).toEqual({ own: {} })
  })

  it('that cannot be read is an error that names it', async () => {
    const jobRecord = async () => {
      throw new Error('no responders')
    }
    const lookUp = createLookUp({ jobRecord, facts: new Map() })
    await expect(lookUp([{ fact: 'job' }], event())).rejects.toMatchObject({
      code: 'template',
      message: "fact 'job' failed: no responders",
    })
  })
})

describe("a user's own fact", () => {
  it('is given the event and the parameters, and gives its value under its name', async () => {
    const rack = fact({ doc, run: async (seen, params) => [seen, params] })
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map([['rack', rack]]) })
    const facts = event({ minion: { os: 'Debian' }, own: { other: 1 } })
    const { own } = await lookUp([{ fact: 'rack' }, { fact: 'rack', params: { of: 'a' } }], facts)
    const { own: _, ...seen } = facts
    expect(own).toEqual({ rack: [seen, {}], 'rack {"of":"a"}': [seen, { of: 'a' }] })
  })

  it('runs once for an event, whoever asks, and again for the next event', async () => {
    let runs = 0
    const rack = fact({ doc, run: async () => ++runs })
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map([['rack', rack]]) })
    const facts = event()
    const asked = [{ fact: 'rack' }]
    expect(await Promise.all([lookUp(asked, facts), lookUp(asked, facts)])).toEqual([
      { own: { rack: 1 } },
      { own: { rack: 1 } },
    ])
    expect(await lookUp(asked, event())).toEqual({ own: { rack: 2 } })
    expect(await lookUp([{ fact: 'rack', params: { a: 1 } }], facts)).toEqual({ own: { 'rack {"a":1}': 3 } })
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such rack')
      },
      "fact 'rack' failed: no such rack",
    ],
    ['rejects', async () => Promise.reject(new Error('no such rack')), "fact 'rack' failed: no such rack"],
    ['takes too long', never, "fact 'rack' took longer than 5ms"],
  ])('that %s is an error that names it', async (_what, run, message) => {
    const rack = fact({ doc, timeout: '5ms', run })
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map([['rack', rack]]) })
    await expect(lookUp([{ fact: 'rack' }], event())).rejects.toMatchObject({ code: 'template', message })
  })

  it('is told when its time is over', async () => {
    let aborted: Promise<unknown> | undefined
    const rack = fact({
      doc,
      timeout: '5ms',
      run(_event, _params, { signal }) {
        aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
        return never()
      },
    })
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map([['rack', rack]]) })
    await expect(lookUp([{ fact: 'rack' }], event())).rejects.toThrow('took longer')
    await expect(aborted).resolves.toMatchObject({ type: 'abort' })
  })

  it('fails alone: what another rule asks of the event is not lost', async () => {
    const facts = new Map([
      ['good', fact({ doc, run: () => 'yes' })],
      ['bad', fact({ doc, run: () => Promise.reject(new Error('no')) })],
    ])
    const lookUp = createLookUp({ jobRecord: noJobs, facts })
    const seen = event()
    await expect(lookUp([{ fact: 'good' }, { fact: 'bad' }], seen)).rejects.toThrow("fact 'bad' failed")
    expect(await lookUp([{ fact: 'good' }], seen)).toEqual({ own: { good: 'yes' } })
  })

  it('that is not loaded is an error that names it', async () => {
    const lookUp = createLookUp({ jobRecord: noJobs, facts: new Map() })
    await expect(lookUp([{ fact: 'rack' }], event())).rejects.toMatchObject({
      code: 'template',
      message: "fact 'rack' is not loaded in this reactor",
    })
  })
})
