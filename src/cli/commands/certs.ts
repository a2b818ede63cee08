// `reactor certs init|show`
import { relative } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { IssuedFiles } from '../../bus/server/certificate-folder.ts'
import type { CertificateFacts } from '../../bus/server/certificate-list.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson } from '../out/print.ts'

interface InitOptions {
  dir: string
  host: string
  name: string
  days: number
  org: string
  force?: boolean
  json?: boolean
}

const MAX_DAYS = 3650

export const command: AddCommand = program => {
  const certs = program.command('certs').description('certificates for TLS between NATS servers and their clients')
  certs
    .command('init')
    .description('make an authority once, and a certificate for a NATS server signed by it')
    .requiredOption(
      '--host <names>',
      'DNS names and IP addresses by which clients and nodes reach the server, with commas',
    )
    .option('--dir <dir>', 'folder of the files', 'certs')
    .option('--name <name>', 'the files are <name>.pem and <name>.key', 'server')
    .option(
      '--days <n>',
      "how long the server's certificate is good for; its authority is for ten years",
      readDays,
      365,
    )
    .option('--org <text>', 'organisation in the certificates', 'reactor')
    .option('--force', "replace the server's certificate that is there (never its authority)")
    .option('--json', 'print what was made as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 made, 64 a host that is none, 73 files are in the way or cannot be written, 78 an authority that cannot sign.',
    )
    .action(async ({ host, force = false, json, ...rest }: InitOptions) => {
      // Its library costs every other command too much.
      const { issueCertificates } = await import('../../bus/server/certificate-folder.ts')
      const issued = await issueCertificates({ ...rest, hosts: host, force, now: new Date() })
      if (json) printJson(issued)
      else for (const line of issuedLines(issued)) print(line)
    })
  certs
    .command('show')
    .description('list certificates with hosts and expiry; exit code 1 when one has expired')
    .argument('[path]', 'folder, or a file of certificates', 'certs')
    .option('--json', 'print a JSON array')
    .addHelpText('after', '\nExit codes: 0, 1 one has expired or there is none, 66 a file cannot be read.')
    .action(async (path: string, { json }: { json?: boolean }) => {
      const { listCertificates } = await import('../../bus/server/certificate-list.ts')
      const found = await listCertificates(path, new Date())
      if (json) printJson(found)
      else for (const line of found.flatMap(factLines)) print(line)
      for (const warning of found.flatMap(warningOf)) process.stderr.write(`reactor: warning: ${warning}\n`)
      if (found.some(({ state }) => state === 'expired')) process.exitCode = 1
    })
}

function readDays(text: string): number {
  const days = Number(text)
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days
  throw new InvalidArgumentError(`'${text}' is no number of days: 1 to ${MAX_DAYS}`)
}

function issuedLines({ ca, server }: IssuedFiles): string[] {
  return [
    ca.made
      ? `made an authority, good until ${day(ca.not_after)}:`
      : `signed by the authority that is there, good until ${day(ca.not_after)}:`,
    `  ${shown(ca.cert)}  to every process, operator and NATS server: tls.ca of the config, ca_file of the server; no secret`,
    `  ${shown(ca.key)}  stays here, best offline: whoever has it can pose as your servers`,
    `made a server's certificate for ${server.hosts.join(', ')}, good until ${day(server.not_after)}:`,
    `  ${shown(server.cert)}  to the NATS server: cert_file`,
    `  ${shown(server.key)}  to the NATS server: key_file; readable for its user alone`,
  ]
}

function factLines({ file, subject, hosts, ca, not_after, days_left, state, fingerprint }: CertificateFacts): string[] {
  return [
    `${file}${ca ? ' (authority)' : ''}`,
    `  subject      ${subject}`,
    ...(hosts.length > 0 ? [`  hosts        ${hosts.join(', ')}`] : []),
    `  expires      ${day(not_after)} (${state === 'expired' ? 'expired' : `${days_left} days left`})`,
    `  fingerprint  ${fingerprint}`,
  ]
}

function warningOf({ file, state, not_before, not_after, ca }: CertificateFacts): string[] {
  const how = ca ? 'docs/deploy.md says how to change an authority' : 'reactor certs init --force makes a new one'
  switch (state) {
    case 'ok':
      return []
    case 'expired':
      return [`${file} expired on ${day(not_after)}; ${how}`]
    case 'expires_soon':
      return [`${file} expires on ${day(not_after)}; ${how}`]
    case 'not_yet_valid':
      return [`${file} is not valid before ${not_before}: is this machine's clock right?`]
  }
}

const day = (iso: string): string => iso.slice(0, 10)
const shown = (file: string): string => relative(process.cwd(), file) || file
