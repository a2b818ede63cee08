// The configuration: one file for every process, a section for each. Types, defaults and JSON Schema come from here.
import { hostname } from 'node:os'
import { z } from 'zod'
import { LOG_LEVELS } from '../base/log.ts'
import { isPublicKey, minionIdProblem } from '../protocol/key.ts'
import { isOperatorName } from '../protocol/login.ts'
import { DEFAULT_LIMITS } from '../protocol/streams.ts'
import { beaconSettings } from './beacon-schema.ts'
import { cloudSettings } from './cloud-schema.ts'
import { duration } from './duration.ts'
import { gatewaySchema } from './gateway-schema.ts'
import { presenceSettings } from './presence-schema.ts'
import { queueSettings } from './queue-schema.ts'
import { slsSettings } from './sls-schema.ts'

const minionId = z.string().superRefine((id, context) => {
  const message = minionIdProblem(id)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const profile = z.record(z.string(), z.unknown())

/** `mysql`, `mysql,redis` or a list, as Salt takes them. */
const names = z
  .union([z.string(), z.array(z.string())])
  .transform(given => (typeof given === 'string' ? given.split(',') : given).map(name => name.trim()).filter(Boolean))

export const configSchema = z.strictObject({
  namespace: z
    .string()
    .regex(/^[a-z0-9_-]{1,40}$/)
    .default('reactor')
    .describe('first token of every subject'),
  servers: z.array(z.string()).min(1).default(['nats://127.0.0.1:4222']).describe('NATS servers'),
  seed: z.string().optional().describe("file with this process's nkey seed"),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('file with the certificate of the authority that signed the server'),
      cert: z.string().optional().describe('file with a client certificate, where the server wants one'),
      key: z.string().optional().describe('file with its key'),
    })
    .optional()
    .describe('TLS towards the NATS servers'),
  isolation: z
    .enum(['accounts', 'none'])
    .default('accounts')
    .describe("'none': a bare server without accounts, for tests on loopback; minions then take jobs from anybody"),
  log_level: z.enum(LOG_LEVELS).default('info').describe('least serious messages that are logged'),
  log_format: z.enum(['text', 'json']).default('text').describe('lines for people, or JSON lines'),
  module_dirs: z
    .array(z.string())
    .default([])
    .describe(
      'folders with modules/, runners/, wheels/, states/, orchestration/, returners/, beacons/, clouds/, facts/ of your own',
    ),
  operators: z
    .record(
      z.string().refine(isPublicKey, "expected a public nkey, 'U' and 55 more, with the name behind it"),
      z.string().refine(isOperatorName, "no operator's name"),
    )
    .default({})
    .describe('names of the static operators by their public nkey; they may do everything'),
  roles: z
    .record(
      z.string().regex(/^[a-z0-9_-]{1,40}$/),
      z.array(z.union([z.string(), z.record(z.string(), z.array(z.string()))])),
    )
    .default({})
    .describe('what operators of a role may do, as publisher_acl has it (docs/operators.md)'),
  ...slsSettings,
  profiles: z
    .strictObject({
      smtp: z.record(z.string(), profile).default({}).describe('mail servers by name'),
      http: z.record(z.string(), profile).default({}).describe('HTTP services by name'),
    })
    .prefault({})
    .describe('named hosts and secrets for smtp.send_msg and http.query'),
  ext_job_cache: names
    .prefault([])
    .describe('returners that a minion gives the return of every job to, beside the job cache'),
  schedule_returner: names.prefault([]).describe('returners that get the returns of schedule entries which name none'),
  master_job_cache: z
    .string()
    .default('local')
    .describe('where jobs and their returns are kept for good: local, or a returner that can be read'),
  event_return: names.prefault([]).describe('returners that events are given to'),
  event_return_whitelist: z.array(z.string()).default([]).describe('only events whose tags match one of these globs'),
  event_return_blacklist: z.array(z.string()).default([]).describe('no events whose tags match one of these globs'),
  event_return_queue: z.number().int().min(0).default(0).describe('events that are given together; 0: as they come'),
  event_return_queue_max_seconds: z
    .number()
    .min(0)
    .default(0)
    .describe('after so many seconds they are given though there are fewer; 0: after five minutes'),
  returner_settings: z
    .record(z.string().regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/), z.unknown())
    .default({})
    .describe("settings of returners by Salt's names, such as mysql.host; they may also stand at the top"),
  streams: z
    .strictObject({
      events_max_age: duration.prefault('7d').describe('how long events are kept'),
      events_max_bytes: z
        .number()
        .int()
        .positive()
        .default(DEFAULT_LIMITS.eventsMaxBytes)
        .describe('bytes of events kept; a full store refuses events'),
      replicas: z
        .number()
        .int()
        .min(1)
        .max(5)
        .default(DEFAULT_LIMITS.replicas)
        .describe('copies of each stream: 1, or 3 in a cluster'),
    })
    .prefault({}),
  master: z
    .strictObject({
      lost_after: duration
        .prefault('25s')
        .refine(ms => ms >= 1000, 'a second at least: heartbeats come seconds apart')
        .describe('a minion without a heartbeat for this long is lost; minion.beat goes into it twice at least'),
      callout: z
        .strictObject({
          seed: z.string().describe("file with the seed of the auth callout's own user"),
          issuer: z.string().describe('file with the seed of the account that signs logins'),
        })
        .optional()
        .describe('answering logins of minions and operators; without it only static users of the server come in'),
      accepted_keys: z
        .record(minionId, z.string().refine(isPublicKey, "expected a public nkey, 'U' and 55 more"))
        .default({})
        .describe('keys that are accepted before the minion exists, by id'),
      auto_accept: z.boolean().default(false).describe('accept every new key; for tests'),
      autosign_file: z.string().optional().describe('file of globs, one a line: keys of ids that match are accepted'),
      autoreject_file: z.string().optional().describe('file of globs: keys of ids that match are rejected'),
      autosign_grains_dir: z
        .string()
        .optional()
        .describe(
          'folder of files named as grains, values one a line: keys of minions that send such a grain are accepted',
        ),
      max_minions: z.number().int().min(0).default(0).describe('accepted keys at most; 0: no limit'),
      max_pending: z.number().int().min(1).default(1000).describe('pending keys kept; the oldest gives way'),
      login_ttl: duration.prefault('1d').describe('after this a login is asked for again'),
    })
    .prefault({}),
  react: z
    .strictObject({
      rules: z.string().optional().describe('folder or file of rules that this process feeds'),
      late: duration
        .prefault('1m')
        .describe('stateful rules take the time of an event from its stamp, at most this long before it was stored'),
      max_keys: z
        .number()
        .int()
        .min(1)
        .default(10_000)
        .describe('keys that one stateful rule keeps; the oldest gives way'),
      loop_rate: z
        .number()
        .int()
        .min(0)
        .default(600)
        .describe('reactions a minute of one rule to what rules caused, more of which are cut as a loop; 0: no limit'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      port: z
        .number()
        .int()
        .min(0)
        .max(65535)
        .optional()
        .describe('serves /metrics, /healthz and /readyz; 0: a free port'),
      host: z.string().default('127.0.0.1').describe('address that it listens on'),
    })
    .prefault({}),
  gateway: gatewaySchema,
  jobs: z
    .strictObject({
      concurrency: z.number().int().min(1).default(128).describe('reactions of one rule that run at once'),
      job_timeout: duration.prefault('5m').describe('within which minions must start a job'),
      run_timeout: duration.prefault('1d').describe('within which a job must end; minions stop it then'),
      ledger_keys: z
        .number()
        .int()
        .min(1_000_000)
        .default(16_000_000)
        .describe(
          'pieces of done work that are known by heart, of 15 to 30 bytes each; the oldest are forgotten first',
        ),
      peer: z
        .record(z.string(), z.array(z.string()))
        .default({})
        .describe('what minions may run on others, as Salt has it: id regex → function regexes'),
    })
    .prefault({}),
  ...presenceSettings,
  ...queueSettings,
  ...cloudSettings,
  nodegroups: z
    .record(z.string(), z.union([z.string(), z.array(z.string())]))
    .default({})
    .describe('named targets for tgt_type nodegroup and N@: a compound expression, or a list of words of one'),
  cache: z
    .strictObject({
      dir: z.string().default('var/cache').describe('the job cache and the mine'),
      keep_jobs: duration.prefault('1d').describe('how long jobs and their returns are kept'),
      max_bytes: z
        .number()
        .int()
        .min(16 * 1024 * 1024)
        .default(1024 ** 3)
        .describe('size bound of the job cache; the oldest jobs give way'),
      keep_reactions: duration
        .prefault('7d')
        .describe('how long it is kept what became of reactions; counts, and those that wait for a person, stay'),
      max_reactions: z
        .number()
        .int()
        .min(1000)
        .default(500_000)
        .describe('records of reactions that are kept, of about half a kilobyte each; the oldest give way'),
      max_payload_bytes: z
        .number()
        .int()
        .positive()
        .default(512 * 1024 * 1024)
        .describe('bytes of returns larger than a message kept in the object store'),
    })
    .prefault({}),
  schedule: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      "the master's entries by name, which the schedule workers run: runner, wheel and local functions; one that is wrong is refused by itself. A minion's own are in minion.schedule",
    ),
  loop_interval: duration
    .prefault('1s')
    .describe(
      'how long schedulers sleep at most between looks at the clock; entries run at their times whatever it is: it bounds how late a clock that was set is noticed',
    ),
  minion: z
    .strictObject({
      id: minionId.default(() => hostname()).describe("the minion's id; default: the host's name"),
      dir: z.string().default('var/minion').describe('jobs in hand, spooled events, finished jobs'),
      join: z.string().optional().describe('@FILE that holds a join token, which lets its key in; or the token itself'),
      autosign_grains: z
        .array(z.string())
        .default([])
        .describe("names of grains that go with the login, for the master's autosign_grains_dir"),
      beat: duration.prefault('10s').describe('heartbeat'),
      start_event_grains: z
        .array(z.string())
        .default([])
        .describe('names of grains that salt/minion/<id>/start brings; those that the minion has not are left out'),
      concurrency: z.number().int().min(1).default(16).describe('jobs that run at once'),
      returner_spool: z
        .number()
        .int()
        .min(1024 * 1024)
        .default(64 * 1024 * 1024)
        .describe('bytes of returns that wait on disk for returners whose stores are down'),
      cache_jobs: z
        .number()
        .int()
        .min(0)
        .default(100)
        .describe('finished jobs that the minion itself remembers with their returns, for saltutil.find_cached_job'),
      mine_functions: z
        .record(z.string(), z.unknown())
        .default({})
        .describe('functions whose returns go to the mine, as Salt writes them'),
      mine_interval: duration.prefault('1h').describe('how often they go there'),
      schedule: z
        .record(z.string(), z.unknown())
        .default({})
        .describe('entries by name that this minion runs itself, whether the link is up or down'),
      ...beaconSettings,
      grains: z.record(z.string(), z.unknown()).default({}).describe('static grains, laid over the collected ones'),
      module_config: z
        .record(z.string(), z.unknown())
        .default({})
        .describe('settings of modules, such as service.init_dir'),
    })
    .prefault({}),
})

export type Config = z.output<typeof configSchema>
