// Module `group`: looks at the groups of the machine.
import { z } from 'zod'
import { groupInfo } from '../execution/accounts/groups.ts'
import { accountsPrefix, readAccounts } from '../execution/accounts/read.ts'
import { execution } from '../functions/define.ts'

export const info = execution({
  doc: `Returns what is known of a group: its gid and its members; an empty map where there is none.
    Example: reactor call web1 group.info www-data`,
  args: { name: z.string().min(1).describe('the group') },
  idempotent: true,
  async run({ name }, { config }) {
    const group = (await readAccounts(accountsPrefix(config))).groups.find(one => one.name === name)
    return group ? groupInfo(group) : {}
  },
})

export const getent = execution({
  doc: `Returns a list of what is known of each group, as group.info has it.
    Example: reactor call web1 group.getent`,
  idempotent: true,
  run: async (_args, { config }) => (await readAccounts(accountsPrefix(config))).groups.map(groupInfo),
})
