// Module `user`: looks at the users of the machine.
import { z } from 'zod'
import { accountsPrefix, groupsOf, readAccounts } from '../execution/accounts/read.ts'
import { userInfo } from '../execution/accounts/users.ts'
import { execution } from '../functions/define.ts'

const name = z.string().min(1).describe('the user')

export const info = execution({
  doc: `Returns what is known of a user: uid, gid, groups, home, shell and names; an empty map where there is none.
    Example: reactor call web1 user.info fred`,
  args: { name },
  idempotent: true,
  async run({ name }, { config }) {
    const accounts = await readAccounts(accountsPrefix(config))
    const user = accounts.users.find(one => one.name === name)
    return user ? userInfo(user, accounts) : {}
  },
})

export const getent = execution({
  doc: `Returns a list of what is known of each user, as user.info has it.
    Example: reactor call web1 user.getent`,
  idempotent: true,
  async run(_args, { config }) {
    const accounts = await readAccounts(accountsPrefix(config))
    return accounts.users.map(user => userInfo(user, accounts))
  },
})

export const list_users = execution({
  doc: `Returns the names of all users, sorted.
    Example: reactor call web1 user.list_users`,
  idempotent: true,
  run: async (_args, { config }) => (await readAccounts(accountsPrefix(config))).users.map(user => user.name).sort(),
})

export const list_groups = execution({
  doc: `Returns the names of the groups that a user is in, sorted; an empty list where there is no such user.
    Example: reactor call web1 user.list_groups fred`,
  args: { name },
  idempotent: true,
  async run({ name }, { config }) {
    const accounts = await readAccounts(accountsPrefix(config))
    const user = accounts.users.find(one => one.name === name)
    return user ? groupsOf(user, accounts) : []
  },
})
