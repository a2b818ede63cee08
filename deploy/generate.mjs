// Writes what is made from the code: JSON Schemas, SQL, and the generated parts of the docs. `npm run generate`; a test holds
// the files against the code. With --check it changes nothing and lists what is out of date.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERROR_CODES } from '../dist/base/errors.js'
import { commonOptions } from '../dist/beacon/entry.js'
import { findBeacons } from '../dist/beacon/load.js'
import { configJsonSchema, describeConfig } from '../dist/config/docs.js'
import { CAPABILITIES } from '../dist/functions/define-returner.js'
import { argumentDocs, dedented, formatDoc } from '../dist/functions/doc.js'
import { loadFunctions } from '../dist/functions/load.js'
import { METRICS } from '../dist/metrics/catalogue.js'
import { ACCESS } from '../dist/protocol/access.js'
import { TOPICS } from '../dist/protocol/catalogue/all.js'
import { calloutPermissions, minionPermissions, operatorPermissions } from '../dist/protocol/permissions.js'
import { ALL_GRANTS, NO_GRANTS } from '../dist/protocol/role.js'
import { SERVICE_RIGHTS } from '../dist/protocol/service-permissions.js'
import { ruleJsonSchema } from '../dist/reactor/rules/file-schema.js'
import { findReturners } from '../dist/returner/load.js'
import { MYSQL } from '../dist/returner/sql/mysql-dialect.js'
import { POSTGRES } from '../dist/returner/sql/postgres-dialect.js'
import { sqlScript } from '../dist/returner/sql/script.js'
import { SQLITE } from '../dist/returner/sql/sqlite.js'
import { describeItem } from '../dist/schedule/item.js'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const check = process.argv.includes('--check')

const row = cells => `| ${cells.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

async function functionsPage() {
  const parts = []
  for (const kind of ['execution', 'runner', 'wheel']) {
    const docs = (await loadFunctions(kind)).docs()
    parts.push(
      `## ${kind} functions\n`,
      ...docs.map(doc => `### ${doc.name}\n\n\`\`\`text\n${formatDoc(doc)}\n\`\`\`\n`),
    )
  }
  return `# Functions\n\nMade from the code by \`npm run generate\`. \`reactor functions [name]\` prints the same.\n\n${parts.join('\n')}`
}

/** State functions, or steps of orchestrations: each with its arguments and its example. */
async function statesOf(kind) {
  const docs = (await loadFunctions(kind)).docs()
  return docs
    .map(doc => {
      const [text, example] = splitExample(doc)
      const args = doc.args.map(arg => [
        `\`${arg.name}\``,
        arg.type,
        arg.required ? 'required' : arg.default === undefined ? '' : `\`${JSON.stringify(arg.default)}\``,
        arg.doc ?? '',
      ])
      if (doc.usage.endsWith('[name=value…]')) args.push(['any other', '', '', 'taken too'])
      return `### ${doc.name}\n\n${text}\n\n${table(['argument', 'type', 'default', 'what'], args)}\n\n\`\`\`yaml\n${example}\n\`\`\``
    })
    .join('\n\n')
}

/** What a state function says of itself, and the YAML behind `Example:`. */
function splitExample({ name, doc }) {
  const lines = dedented(doc)
  const at = lines.findIndex(line => line.startsWith('Example:'))
  const example = dedented(`\n${lines.slice(at + 1).join('\n')}`)
    .join('\n')
    .trim()
  if (at < 0 || example === '')
    throw new Error(`state ${name} has no example: end its doc with 'Example:' and lines of YAML`)
  return [lines.slice(0, at).join('\n'), example]
}

const errorTable = () =>
  table(
    ['code', 'exit code', 'NATS status', 'meaning'],
    Object.entries(ERROR_CODES).map(([code, { exit, status, doc }]) => [`\`${code}\``, exit, status, doc]),
  )
const accessTable = () =>
  table(
    ['subject', 'served by', 'reached from', 'what'],
    ACCESS.map(({ subject, from, to, what }) => [
      `\`${subject.startsWith('$') ? subject : `<ns>.${subject}`}\``,
      from,
      to.join(', '),
      what,
    ]),
  )
const codes = texts => (texts.length === 0 ? '' : texts.map(text => `\`${text}\``).join(' '))

/** What each role may do, as the server holds it to that. */
function permissionTables() {
  const users = [
    ['minion `ID`', 'FLEET', minionPermissions('<ns>', 'ID')],
    ['operator `NAME`, role `admin`', 'OPS', operatorPermissions('<ns>', 'NAME', ALL_GRANTS)],
    [
      'operator `NAME` who may read `deploy/**` and fire `deploy/*`',
      'OPS',
      operatorPermissions('<ns>', 'NAME', { ...NO_GRANTS, read: ['deploy/**'], fire: ['deploy/*'] }),
    ],
    ['the auth callout of the master', 'AUTH', calloutPermissions()],
  ]
  const right = one =>
    typeof one === 'string'
      ? one
      : Object.entries(one)
          .map(([verb, consumer]) => `${verb} ${verb === 'take' ? 'as' : 'at'} ${consumer}`)
          .join()
  const stored = ({ streams, buckets, objects }) =>
    [
      ...Object.entries(streams).map(([stream, rights]) => `${stream.toUpperCase()}: ${rights.map(right).join(', ')}`),
      ...Object.entries(buckets).map(([bucket, one]) => `\`${bucket}\`: ${one}`),
      ...objects.map(store => `\`${store}\`: write`),
    ].join('; ')
  const below = subjects => codes(subjects.map(subject => `<ns>.${subject}`))
  return [
    table(
      ['who', 'account', 'may publish and request', 'may subscribe to'],
      users.map(([who, account, { publish, subscribe, responses }]) => [
        who,
        account,
        `${codes(publish)}${responses ? ', and one reply to each request it gets' : ''}`,
        codes(subscribe),
      ]),
    ),
    table(
      ['service, in CORE', 'work', 'may publish and request', 'may subscribe to', 'in the stores'],
      Object.entries(SERVICE_RIGHTS).map(([service, rights]) => [
        `\`${service}\``,
        rights.what,
        below([`event.${service}.>`, ...rights.publish]),
        codes([...rights.subscribe.map(subject => `<ns>.${subject}`), `_INBOX_${service}.>`]),
        stored(rights),
      ]),
    ),
    [
      'In the stores: `get` reads single messages and batches, `follow` all of a stream, `fold` too, as the leader of stateful rules',
      'does, `take` consumes by the named durable consumer and acks, `look` sees how far such a consumer of another is, `return` is',
      '`take` by the consumers of returners, which it also removes, `returners` is `look` at those, `purge` removes',
      'messages, `read` and `write` are for buckets. Every service makes the five streams exist, and the master gives them the settings',
      'of this version; none may delete a stream, or the durable consumer of another. Services that answer requests also publish to the',
      'inboxes of those who ask them.',
      '',
      'Inside one account the server checks the subject of a message, and not its reply subject, to which the ack of a stream or',
      'what a consumer gives out is sent. Minions, operators and logins reach CORE from accounts of their own, where that aims at',
      'nothing there, and a minion takes no job that the server does not attest to come from CORE. A service is kept to its work by',
      'its table, but whoever has stolen the key of a service can have messages sent as another service of CORE.',
    ].join('\n'),
  ].join('\n\n')
}
const metricsTable = () =>
  table(
    ['metric', 'type', 'labels', 'of', 'what'],
    Object.entries(METRICS).map(([name, { type, labels = [], of, help }]) => [
      `\`${name}\``,
      type,
      codes(labels),
      of === 'all' ? 'all' : of.join(', '),
      help,
    ]),
  )
/** Returners and what each can do, with its settings. */
async function returnerTable() {
  const returners = await findReturners()
  const rows = []
  for (const name of returners.names()) {
    const { doc, can, options } = await returners.load(name)
    const settings = argumentDocs(options).map(one => one.name)
    rows.push([
      `\`${name}\``,
      doc.split('\n')[0],
      can.length === CAPABILITIES.length ? 'all' : can.join(' '),
      codes(settings),
    ])
  }
  return table(['returner', 'what it does', 'it can', 'settings'], rows)
}
/** Each beacon with what it tells, its own settings and its example. */
async function beaconsOf() {
  const beacons = await findBeacons()
  const parts = []
  for (const name of beacons.names()) {
    const { doc, options } = await beacons.load(name)
    const [text, example] = splitExample({ name, doc })
    const settings = argumentDocs(options.shape ?? {}).map(one => [
      `\`${one.name}\``,
      one.type,
      one.required ? 'required' : '',
      one.doc ?? '',
    ])
    const rows = settings.length > 0 ? `${table(['setting', 'type', '', 'what'], settings)}\n\n` : ''
    parts.push(`### ${name}\n\n${text}\n\n${rows}\`\`\`yaml\n${example}\n\`\`\``)
  }
  return parts.join('\n\n')
}
const beaconOptionTable = () =>
  table(
    ['option', 'default', 'what'],
    argumentDocs(commonOptions.shape).map(one => [
      `\`${one.name}\``,
      one.default === undefined ? '' : `\`${JSON.stringify(one.default)}\``,
      one.doc ?? '',
    ]),
  )
const configTable = () =>
  table(
    ['setting', 'default', 'what'],
    describeConfig().map(({ path, fallback, doc }) => [
      `\`${path}\``,
      fallback === undefined ? '' : `\`${fallback}\``,
      doc,
    ]),
  )

const scheduleTable = () =>
  table(
    ['option', 'what'],
    describeItem().map(({ option, doc }) => [`\`${option}\``, doc]),
  )

/** Every event, by topic, from its declaration. */
function eventTables() {
  const whose = { minion: 'minions', operator: 'operators' }
  const one = ({ pattern, doc, by, data, more, example, local }) => {
    const fields = argumentDocs(data.shape).map(field => [
      `\`${field.name}\``,
      field.type,
      field.required || field.type === 'any value' ? '' : 'may be missing',
      field.doc ?? '',
    ])
    if (more !== undefined) fields.push(['any other', '', '', more])
    const sender = `From ${by.map(who => whose[who] ?? `\`${who}\``).join(', ')}${local ? ', on its own bus alone' : ''}.`
    return [
      `### \`${pattern}\``,
      `${doc[0].toUpperCase()}${doc.slice(1)}. ${sender}`,
      ...(fields.length > 0 ? [table(['field', 'type', '', 'what'], fields)] : []),
      ...(example ? [`\`\`\`text\n${example[0]}\t${JSON.stringify(example[1])}\n\`\`\``] : []),
    ].join('\n\n')
  }
  return TOPICS.map(({ title, events }) => [`## ${title}`, ...events.map(one)].join('\n\n')).join('\n\n')
}

/** A page's text between `<!-- name -->` and `<!-- /name -->` replaced. */
async function withBlock(file, name, text) {
  return withBlocks(file, { [name]: text })
}

async function withBlocks(file, texts) {
  let page = await readFile(join(ROOT, file), 'utf8')
  for (const [name, text] of Object.entries(texts)) page = replaced(file, page, name, text)
  return page
}

function replaced(file, page, name, text) {
  const [before, rest] = page.split(`<!-- ${name} -->\n`)
  const after = rest?.split(`<!-- /${name} -->`)[1]
  if (after === undefined) throw new Error(`${file} has no block <!-- ${name} -->`)
  return `${before}<!-- ${name} -->\n${text}\n<!-- /${name} -->${after}`
}

const json = value => `${JSON.stringify(value, null, 2)}\n`
const wanted = {
  'schemas/rule.json': json(ruleJsonSchema()),
  'schemas/config.json': json(configJsonSchema()),
  'docs/functions.md': await functionsPage(),
  'docs/beacons.md': await withBlocks('docs/beacons.md', { options: beaconOptionTable(), beacons: await beaconsOf() }),
  'docs/errors.md': await withBlock('docs/errors.md', 'codes', errorTable()),
  'docs/events.md': await withBlock('docs/events.md', 'events', eventTables()),
  'docs/nats.md': await withBlock('docs/nats.md', 'access', accessTable()),
  'docs/security.md': await withBlock('docs/security.md', 'permissions', permissionTables()),
  'docs/metrics.md': await withBlock('docs/metrics.md', 'metrics', metricsTable()),
  'docs/returners.md': await withBlock('docs/returners.md', 'returners', await returnerTable()),
  ...Object.fromEntries([MYSQL, POSTGRES, SQLITE].map(one => [`deploy/sql/${one.name}.sql`, sqlScript(one)])),
  'docs/schedules.md': await withBlock('docs/schedules.md', 'options', scheduleTable()),
  'docs/states.md': await withBlock('docs/states.md', 'states', await statesOf('state')),
  'docs/orchestration.md': await withBlock('docs/orchestration.md', 'steps', await statesOf('orchestration')),
  'docs/config.md': await withBlock('docs/config.md', 'settings', configTable()),
}

const stale = []
for (const [file, text] of Object.entries(wanted)) {
  const path = join(ROOT, file)
  const present = await readFile(path, 'utf8').catch(() => '')
  if (present === text) continue
  stale.push(file)
  if (check) continue
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
if (check && stale.length > 0) {
  process.stderr.write(`out of date, run 'npm run generate': ${stale.join(', ')}\n`)
  process.exitCode = 1
}
