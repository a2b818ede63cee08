// Events of machines that are made and taken away: docs/cloud.md.
import { z } from 'zod'
import { event } from './define.ts'

const machine = {
  name: z.string().describe('the machine, and the id of its minion'),
  provider: z.string().describe('the provider of the config'),
  driver: z.string().describe('the driver of that provider'),
}
const made = {
  ...machine,
  profile: z.string().nullable().describe('the profile; null: none was named'),
}
const instance_id = z.string().describe('what the provider calls it')
const public_key = z
  .string()
  .nullable()
  .describe("the public key of the machine's minion; null: it has none yet, or there are no keys (`isolation: none`)")

export const cloudCreating = event('salt/cloud/<vm>/creating', {
  doc: 'a machine is to be made',
  by: ['_jobs'],
  data: { ...made, event: z.literal('starting create').describe('the step in the words of Salt') },
})

export const cloudRequesting = event('salt/cloud/<vm>/requesting', {
  doc: 'the provider is about to be asked for it',
  by: ['_jobs'],
  data: {
    ...made,
    event: z.literal('requesting instance').describe('the step in the words of Salt'),
    kwargs: z.record(z.string(), z.unknown()).describe('what it is made like, without secrets'),
  },
})

export const cloudQuerying = event('salt/cloud/<vm>/querying', {
  doc: 'the provider has given it an id, and is asked until it has an address',
  by: ['_jobs'],
  data: { ...made, event: z.literal('querying instance').describe('the step in the words of Salt'), instance_id },
})

export const cloudWaitingForSsh = event('salt/cloud/<vm>/waiting_for_ssh', {
  doc: 'it has an address, and is awaited there; by ssh or as its driver has it',
  by: ['_jobs'],
  data: {
    ...made,
    event: z.literal('waiting for ssh').describe('the step in the words of Salt'),
    instance_id,
    ip_address: z.string().describe('the address'),
  },
})

export const cloudDeploying = event('salt/cloud/<vm>/deploying', {
  doc: 'it answers, and its minion is about to be set up',
  by: ['_jobs'],
  data: { ...made, event: z.literal('executing deploy script').describe('the step in the words of Salt'), instance_id },
})

export const cloudCreated = event('salt/cloud/<vm>/created', {
  doc: 'its minion has asked to be let in, with the very key that the machine has; without accounts: it has started',
  by: ['_jobs'],
  data: {
    ...made,
    event: z.literal('created instance').describe('the step in the words of Salt'),
    instance_id,
    public_key,
    private_ips: z.array(z.string()).describe('its addresses'),
    public_ips: z.array(z.string()).describe('its addresses for everybody'),
  },
})

const taken = {
  ...machine,
  instance_id,
  public_key,
}

export const cloudDestroying = event('salt/cloud/<vm>/destroying', {
  doc: 'it is about to be taken away; also after a create that failed',
  by: ['_jobs'],
  data: { ...taken, event: z.literal('destroying instance').describe('the step in the words of Salt') },
})

export const cloudDestroyed = event('salt/cloud/<vm>/destroyed', {
  doc: 'it is gone',
  by: ['_jobs'],
  data: { ...taken, event: z.literal('destroyed instance').describe('the step in the words of Salt') },
})
