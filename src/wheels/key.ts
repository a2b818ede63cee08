// Wheel `key`: the keys of minions, with Salt's names, arguments and lists.
import { ReactorError } from '../base/errors.ts'
import { makeKey } from '../bus/identity.ts'
import { wheel } from '../functions/define.ts'
import { minionId, publicKey } from '../functions/guards.ts'
import type { KeyMatch, Keys } from '../functions/wheel-context.ts'
import { dict, flags, hash_type, id_, match, only, pub, STATES, state } from '../keys/arguments.ts'
import { thisKey } from '../keys/match.ts'
import { fingerprint, SALT_KEY_LISTS } from '../protocol/key.ts'

const { include_rejected, include_accepted, include_denied, reject_denied, force } = flags
const guards = { match: minionId }
const withKey = { ...guards, pub: publicKey }

/** The name under which Salt lists the public key of a master. */
const MASTER_KEY = 'master.pub'

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
  args: { match: state },
  idempotent: true,
  run(args, context) {
    const wanted = STATES[args.match]
    if (!wanted) return list_all.run({}, context)
    const name = SALT_KEY_LISTS[wanted]
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

type Match = typeof match | typeof dict

const acceptArgs = { include_rejected, include_denied }
const accepting = (keys: Keys, by: KeyMatch, args: { include_rejected: boolean; include_denied: boolean }) =>
  keys.accept(by, { rejected: args.include_rejected, denied: args.include_denied })

export const accept = wheel({
  doc: `Accepts the pending keys of the ids that match: a minion that waits is let in at once.
    Returns those that were accepted, as {minions: [id, …]}. Fires salt/key for each. With \`pub\` only that very key, which
    may be given by an event; where none of the ids has it, this fails.
    Example: reactor wheel key.accept 'web*'`,
  args: { match, ...acceptArgs, pub: only },
  guards: withKey,
  idempotent: true,
  run: (args, { keys }) => accepting(keys, meant(keys, args), args),
})

export const accept_dict = wheel({
  doc: `Accepts pending keys by list, as key.accept does by glob. An id counts only where its key is still in that list.
    With its key beside it ({list: {id: key}}, as key.key_str has them) that very key is meant, and none that has come since.
    Example: reactor wheel key.accept_dict '{"minions_pre": ["web1", "web2"]}'`,
  args: { match: dict, ...acceptArgs },
  guards,
  idempotent: true,
  run: (args, { keys }) => accepting(keys, args.match, args),
})

const rejecting = (doc: string, by: Match) =>
  wheel({
    doc,
    args: { match: by, include_accepted, include_denied: reject_denied },
    guards,
    idempotent: true,
    run: (args, { keys }) => keys.reject(args.match, { accepted: args.include_accepted, denied: args.include_denied }),
  })

export const reject = rejecting(
  `Rejects the pending keys of the ids that match: they stay known, and are not let in.
    Returns those that were rejected, as {minions_rejected: [id, …]}. Fires salt/key for each.
    Example: reactor wheel key.reject 'test*'`,
  match,
)

export const reject_dict = rejecting(
  `Rejects pending keys by list, as key.reject does by glob. Lists are read as by key.accept_dict.
    Example: reactor wheel key.reject_dict '{"minions_pre": ["web1"]}'`,
  dict,
)

const deleteKeys = wheel({
  doc: `Deletes the keys of the ids that match, in whatever state, and what is known of these minions; who is connected is cut off.
    Returns what was deleted, by the list it was in. A minion that comes again is a new one: a join token or autosign may let it in,
    which key.reject does not. With \`pub\` only that very key, which may be given by an event; where none of the ids has it,
    nothing is left to do. Fires salt/key for each. Example: reactor wheel key.delete web1`,
  args: { match, pub: only },
  guards: withKey,
  idempotent: true,
  run: ({ match, pub }, { keys }) => keys.delete(pub === undefined ? match : thisKey(keys.keys(match), pub)),
})

export { deleteKeys as delete }

export const delete_dict = wheel({
  doc: `Deletes keys by list, as key.delete does by glob: of an id in minions_denied the denied key alone.
    Lists are read as by key.accept_dict. Example: reactor wheel key.delete_dict '{"minions_denied": ["web1"]}'`,
  args: { match: dict },
  guards,
  idempotent: true,
  run: ({ match }, { keys }) => keys.delete(match),
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
  run: (args, { keys }) => ofMaster(keys, nkey => fingerprint(nkey, args.hash_type ?? undefined)),
})

export const master_key_str = wheel({
  doc: `Returns the public key with which this master signs logins, as {local: {"master.pub": key}}.
    Without an auth callout the map is empty. Example: reactor wheel key.master_key_str`,
  idempotent: true,
  run: (_args, { keys }) => ofMaster(keys, nkey => nkey),
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
  args: { id_, pub, force },
  guards: { id_: minionId },
  idempotent: true,
  async run(args, { keys }) {
    await keys.seed(args.id_, args.pub, args.force)
    return { [SALT_KEY_LISTS.accepted]: [args.id_] }
  },
})

function meant(keys: Keys, { match, pub }: { match: string; pub?: string | undefined }): KeyMatch {
  if (pub === undefined) return match
  const found = thisKey(keys.keys(match), pub)
  if (Object.keys(found).length > 0) return found
  throw new ReactorError(
    'not_found',
    `none of the ids that match '${match}' has the key ${pub}: key.key_str shows theirs`,
  )
}

function generate(): { priv: string; pub: string } {
  const { seed, nkey } = makeKey()
  return { priv: seed, pub: nkey }
}

function ofMaster(keys: Keys, show: (nkey: string) => string): { local: Record<string, string> } {
  const nkey = keys.master()
  return { local: nkey === undefined ? {} : { [MASTER_KEY]: show(nkey) } }
}
