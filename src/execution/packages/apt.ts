// Packages of Debian and its kin, by apt-get and dpkg-query, which ask nobody anything and wait for their locks.
import { join } from 'node:path'
import { ReactorError } from '../../base/errors.ts'
import type { Limits } from '../services/provider.ts'
import { callTool, runTool, toolFailed } from '../tool.ts'
import { compareDebian } from './debian-version.ts'
import { type Available, checkPackageName, checkVersion, type Installed, type PackageProvider } from './provider.ts'

/** Somebody else may be installing: unattended upgrades take minutes. */
const LOCK_SECONDS = 600
const QUIET = { DEBIAN_FRONTEND: 'noninteractive', APT_LISTCHANGES_FRONTEND: 'none', APT_LISTBUGS_FRONTEND: 'none' }
/** A package that is installed, its triggers aside. */
const INSTALLED = new Set(['installed', 'triggers-pending', 'triggers-awaited'])
/** Fields of dpkg-query, parted by tabs. */
const FORMAT = ['db:Status-Status', 'Package', 'Version', 'Architecture', 'Provides']
  .map(field => `\${${field}}`)
  .join('\t')

/** `root`: the folder of a machine whose packages are meant, in place of this one's. */
export function createApt({ root }: { root?: string } = {}): PackageProvider {
  const options = root === undefined ? [] : optionsOf(root)
  const admin = root === undefined ? [] : [`--admindir=${join(root, 'var/lib/dpkg')}`]
  const aptGet = (what: string, words: readonly string[], limits: Limits) => {
    const argv = ['apt-get', '-q', '-y', ...options, '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...words]
    return runTool(what, argv, { ...limits, env: QUIET })
  }
  let native: Promise<string> | undefined
  const architecture = (limits: Limits) => {
    native ??= runTool("tell the machine's architecture", ['dpkg', '--print-architecture'], limits).then(text =>
      text.trim(),
    )
    return native
  }
  return {
    name: 'apt',
    compare: compareDebian,
    async list(limits) {
      const argv = ['dpkg-query', ...admin, '-W', '-f', `${FORMAT}\\n`]
      return readInstalled(await runTool('list the packages', argv, limits), await architecture(limits))
    },
    async available(names, from, limits) {
      if (names.length === 0) return new Map()
      const release = from === undefined ? [] : ['-t', checkVersion(from)]
      const argv = ['apt-cache', ...options, ...release, 'policy', ...names.map(checkPackageName)]
      const result = await callTool(argv, limits)
      if (result.retcode !== 0) throw toolFailed('ask for versions of packages', result)
      return readPolicy(result.stdout)
    },
    async similar(name, limits) {
      const names = await runTool('list names', ['apt-cache', ...options, 'pkgnames', name.slice(0, 2)], limits)
      return names.trim().split('\n')
    },
    async refresh(limits) {
      // Without this an index that cannot be had is a warning alone.
      await aptGet('refresh the lists of packages', ['-o', 'APT::Update::Error-Mode=any', 'update'], limits)
    },
    async install(wanted, { fromrepo, skip_verify = false, install_recommends = true }, limits) {
      const words = [
        // What an administrator changed in a configuration stays.
        ...['-o', 'DPkg::Options::=--force-confold', '-o', 'DPkg::Options::=--force-confdef'],
        ...(fromrepo === undefined ? [] : ['-t', checkVersion(fromrepo)]),
        ...(skip_verify ? ['--allow-unauthenticated'] : []),
        ...(install_recommends ? [] : ['--no-install-recommends']),
        // Only a version that was asked for is ever an older one.
        ...(wanted.some(({ version }) => version !== undefined) ? ['--allow-downgrades'] : []),
      ]
      const names = wanted.map(({ name, version }) =>
        version === undefined ? checkPackageName(name) : `${checkPackageName(name)}=${checkVersion(version)}`,
      )
      await aptGet(`install ${names.join(', ')}`, [...words, 'install', ...names], limits)
    },
    async remove(names, { purge }, limits) {
      const how = purge ? 'purge' : 'remove'
      await aptGet(`${how} ${names.join(', ')}`, [how, ...names.map(checkPackageName)], limits)
    },
  }
}

const optionsOf = (root: string): string[] =>
  [
    `Dir=${root}`,
    `Dir::State::status=${join(root, 'var/lib/dpkg/status')}`,
    'Dir::Bin::dpkg=/usr/bin/dpkg',
    `DPkg::Options::=--root=${root}`,
    // The user that fetches need not be able to reach that folder.
    'APT::Sandbox::User=root',
  ].flatMap(option => ['-o', option])

function readInstalled(text: string, native: string): Installed {
  const packages = new Map<string, string>()
  const provided = new Set<string>()
  const left = new Set<string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [status, name, version, architecture, provides] = line.split('\t')
    if (status === undefined || name === undefined || version === undefined)
      throw new ReactorError('function_failed', `dpkg-query has an answer that is not understood: ${line}`)
    const full = architecture === native || architecture === 'all' ? name : `${name}:${architecture}`
    if (status === 'config-files') left.add(full)
    if (!INSTALLED.has(status)) continue
    packages.set(full, version)
    // Such as `mail-transport-agent, awk (= 1.3)`.
    for (const other of provides?.split(',') ?? []) {
      const [bare = ''] = other.trim().split(/[\s:(]/)
      if (bare !== '') provided.add(bare)
    }
  }
  return { packages, provided, left }
}

/** Of `apt-cache policy`: under each name its candidate, and a table of versions. */
function readPolicy(text: string): Map<string, Available> {
  const all = new Map<string, { candidate?: string; versions: string[] }>()
  let one: { candidate?: string; versions: string[] } | undefined
  for (const line of text.split('\n')) {
    const name = /^(\S+):$/.exec(line)?.[1]
    if (name !== undefined) {
      one = { versions: [] }
      all.set(name, one)
    }
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1]
    if (one && candidate !== undefined && candidate !== '(none)') one.candidate = candidate
    const version = /^ (?:\*\*\*| {3}) (\S+) -?\d+$/.exec(line)?.[1]
    if (one && version !== undefined) one.versions.push(version)
  }
  return all
}
