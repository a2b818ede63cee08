// Wheel `key`: the keys of minions, with Salt's names, arguments and lists.
import { getHashes } from 'node:crypto'
import { createUser } from '@nats-io/nkeys'
import { z } from 'zod'
import { wheel } from '../functions/define.ts'
import { minionId } from '../functions/guards.ts'
import { fingerprint, type KeyState, SALT_KEY_LISTS } from '../protocol/key.ts'

const match = z.string().describe("glob over ids, or several with commas: 'web*,db1'")
const dict = z
  .record(z.string(), z.array(z.string()))
  .describe('ids by list, as key.list_all has them: {"minions_pre": ["web1"]}')
const id_ = z.string().describe("the minion's id")
const flag = (what: string) => z.boolean().default(false).describe(what)
const include_rejected = flag('also keys that were rejected')
const include_accepted = flag('also keys that are accepted; whoever is connected with one is cut off')
const include_denied = flag("also a denied key, which takes the place of the id's own")
const reject_denied = flag('also denied keys')
const force = flag('also where the id has another key, which is then forgotten')
const hash_type = z
  .string()
  .refine(name => getHashes().includes(name), 'no hash of that name is known here; sha256, sha512 and md5 are')
  .nullish()
  .describe('the hash, such as sha512 or md5; default: sha256')

const guards = { match: minionId }

/** The name under which Salt lists the public key of a master. */
const MASTER_KEY = 'master.pub'

const STATES: Readonly<Record<string, KeyState>> = {
  ...{ acc: 'accepted', accepted: 'accepted' },
  ...{ pre: 'pending', un: 'pending', unaccepted: 'pending', pending: 'pending' },
  ...{ rej: 'rejected', rejected: 'rejected', den: 'denied', denied: 'denied' },
}

export const list_all = wheel({
  doc: `Returns the ids by the state of their key, as {minions, minions_pre, minions_rejected, minions_denied, local}.
    \`local\` names the master's own key, with which it signs logins.
    Example: reactor wheel key.list_all`,
  idempotent: true,
  run: (_args, { keys }) => ({ ...keys.lists(), local: keys.master() === undefined ? [] : [MASTER_KEY] }),
})

export const list = wheel({
  doc: `Returns the ids whose key is in one state, as {minions_pre: [id, …]}; \`all\` is key.list_all.
    Example: reactor wheel key.list pending`,
  args: {
    match: z
      .enum(['all', ...Object.keys(STATES)])
      .describe('all, or accepted (acc), pending (pre, un, unaccepted), rejected (rej), denied (den)'),
  },
  idempotent: true,
  run(args, context) {
    const state = STATES[args.match]
    if (!state) return list_all.run({}, context)
    const name = SALT_KEY_LISTS[state]
    return { [name]: context.keys.lists()[name] }
  },
})

export const name_match = wheel({
  doc: `Returns the ids that match, by the state of their key, as {minions: [id, …], …}.
    Example: reactor wheel key.name_match 'web*'`,
  args: { match },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.lists(args.match),
})

export const accept = wheel({
  doc: `Accepts the pending keys of the ids that match: a minion that waits is let in at once.
    Returns those that were accepted, as {minions: [id, …]}. Fires salt/key for each.
    Example: reactor wheel key.accept 'web*'`,
  args: { match, include_rejected, include_denied },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.accept(args.match, { rejected: args.include_rejected, denied: args.include_denied }),
})

export const accept_dict = wheel({
  doc: `Accepts pending keys by list, as key.accept does by glob. An id counts only where its key is still in that list.
    Example: reactor wheel key.accept_dict '{"minions_pre": ["web1", "web2"]}'`,
  args: { match: dict, include_rejected, include_denied },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.accept(args.match, { rejected: args.include_rejected, denied: args.include_denied }),
})

export const reject = wheel({
  doc: `Rejects the pending keys of the ids that match: they stay known, and are not let in.
    Returns those that were rejected, as {minions_rejected: [id, …]}. Fires salt/key for each.
    Example: reactor wheel key.reject 'test*'`,
  args: { match, include_accepted, include_denied: reject_denied },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.reject(args.match, { accepted: args.include_accepted, denied: args.include_denied }),
})

export const reject_dict = wheel({
  doc: `Rejects pending keys by list, as key.reject does by glob. An id counts only where its key is still in that list.
    Example: reactor wheel key.reject_dict '{"minions_pre": ["web1"]}'`,
  args: { match: dict, include_accepted, include_denied: reject_denied },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.reject(args.match, { accepted: args.include_accepted, denied: args.include_denied }),
})

const deleteKeys = wheel({
  doc: `Deletes the keys of the ids that match, in whatever state, and what is known of these minions; who is connected is cut off.
    Returns what was deleted, by the list it was in. A minion that comes again is a new one. Fires salt/key for each.
    Example: reactor wheel key.delete web1`,
  args: { match },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.delete(args.match),
})

export { deleteKeys as delete }

export const delete_dict = wheel({
  doc: `Deletes keys by list, as key.delete does by glob: of an id in minions_denied the denied key alone.
    Example: reactor wheel key.delete_dict '{"minions_denied": ["web1"]}'`,
  args: { match: dict },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.delete(args.match),
})

export const key_str = wheel({
  doc: `Returns the public keys of the ids that match, as {minions: {id: nkey}, …}.
    Example: reactor wheel key.key_str web1`,
  args: { match },
  guards,
  idempotent: true,
  run: (args, { keys }) => keys.keys(args.match),
})

export const finger = wheel({
  doc: `Returns the fingerprints of the keys of the ids that match, as {minions: {id: fingerprint}, …}.
    A minion shows its own with key.finger. Example: reactor wheel key.finger 'web*'`,
  args: { match, hash_type },
  guards,
  idempotent: true,
  run: (args, { keys }) =>
    Object.fromEntries(
      Object.entries(keys.keys(args.match)).map(([name, known]) => [
        name,
        Object.fromEntries(
          Object.entries(known).map(([id, nkey]) => [id, fingerprint(nkey, args.hash_type ?? undefined)]),
        ),
      ]),
    ),
})

export const finger_master = wheel({
  doc: `Returns the fingerprint of the key with which this master signs logins, as {local: {"master.pub": fingerprint}}.
    Without an auth callout the map is empty. Example: reactor wheel key.finger_master`,
  args: { hash_type },
  idempotent: true,
  run(args, { keys }) {
    const nkey = keys.master()
    return { local: nkey === undefined ? {} : { [MASTER_KEY]: fingerprint(nkey, args.hash_type ?? undefined) } }
  },
})

export const master_key_str = wheel({
  doc: `Returns the public key with which this master signs logins, as {local: {"master.pub": key}}.
    Without an auth callout the map is empty. Example: reactor wheel key.master_key_str`,
  idempotent: true,
  run(_args, { keys }) {
    const nkey = keys.master()
    return { local: nkey === undefined ? {} : { [MASTER_KEY]: nkey } }
  },
})

export const gen = wheel({
  doc: `Makes the key of a minion and returns it, as {priv: seed, pub: nkey}. The master keeps nothing of it, and the seed stands
    in no event. Put it on the minion as minion.nk in its folder, with mode 0600. Example: reactor wheel key.gen web1`,
  args: { id_: id_.nullish().describe("the minion's id; the key is the same whatever it is") },
  secrets: ['priv'],
  idempotent: true,
  run: () => generate(),
})

export const gen_accept = wheel({
  doc: `Makes the key of a minion, accepts it before the minion exists, and returns it as key.gen does.
    Where the id has an accepted key nothing is done and {} is returned, unless \`force\` is true.
    Example: reactor wheel key.gen_accept web1`,
  args: { id_, force },
  guards: { id_: minionId },
  secrets: ['priv'],
  async run(args, { keys }) {
    const known = keys.lists(args.id_)[SALT_KEY_LISTS.accepted]
    if (known?.includes(args.id_) && !args.force) return {}
    const made = generate()
    await keys.seed(args.id_, made.pub, args.force)
    return made
  },
})

export const accept_key = wheel({
  doc: `Accepts a public key for an id before the minion exists, and returns {minions: [id]}.
    Where the id has another key this fails, unless \`force\` is true. Example: reactor wheel key.accept_key web1 UABC…`,
  args: { id_, pub: z.string().describe("the minion's public nkey: 'U' and 55 more characters"), force },
  guards: { id_: minionId },
  idempotent: true,
  async run(args, { keys }) {
    await keys.seed(args.id_, args.pub, args.force)
    return { [SALT_KEY_LISTS.accepted]: [args.id_] }
  },
})

function generate(): { priv: string; pub: string } {
  const pair = createUser()
  return { priv: new TextDecoder().decode(pair.getSeed()), pub: pair.getPublicKey() }
}
