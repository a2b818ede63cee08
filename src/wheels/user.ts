// Wheel `user`: operators who log in by the master, and their roles.
import { z } from 'zod'
import { ReactorError } from '../base/errors.ts'
import { wheel } from '../functions/define.ts'

const name = z.string().describe('1 to 64 letters, digits and . _ @ + -')
const roleNames = z
  .union([z.string(), z.array(z.string())])
  .transform(roles => (Array.isArray(roles) ? roles : roles.split(',').map(role => role.trim())))
const nkey = z.string().describe('public key to log in by: U and 55 more')
const password_hash = z.string().describe("hash of a password to log in by, as 'reactor user' makes it")

export const list = wheel({
  doc: `Lists the operators, by name: {name, roles, login, nkey, since}. Static operators of the config are not among them.
    Example: reactor wheel user.list`,
  idempotent: true,
  run: (_args, context) => context.operators.list(),
})

export const add = wheel({
  doc: `Lets an operator log in, by an nkey or by a password. 'reactor user add' makes either and keeps the secret at home.
    Example: reactor wheel user.add ann roles=deploy,reader nkey=UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4`,
  args: {
    name,
    roles: roleNames.describe('roles of the config, or admin or reader, as a list or with commas'),
    nkey: nkey.optional(),
    password_hash: password_hash.optional(),
  },
  run: ({ name, roles, nkey, password_hash }, context) =>
    context.operators.add({ name, roles, ...given({ nkey, password_hash }) }),
})

export const change = wheel({
  doc: `Gives an operator other roles, or another way to log in, in place of those before. Who is connected is cut and logs
    in anew.
    Example: reactor wheel user.change ann roles=reader`,
  args: {
    name,
    roles: roleNames.optional().describe('all their roles from now on, as a list or with commas'),
    nkey: nkey.optional(),
    password_hash: password_hash.optional(),
  },
  idempotent: true,
  run: ({ name, roles, nkey, password_hash }, context) =>
    context.operators.change(name, given({ roles, nkey, password_hash })),
})

export const remove = wheel({
  doc: `Removes an operator: who is connected under the name is cut, and nothing is done for them any more.
    Example: reactor wheel user.remove ann`,
  args: { name },
  async run({ name }, context) {
    if (await context.operators.remove(name)) return true
    throw new ReactorError('not_found', `there is no operator '${name.slice(0, 100)}'`)
  },
})

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Without the keys that are undefined. */
const given = <T extends object>(values: T): Given<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>
