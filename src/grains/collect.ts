// Collects a minion's grains: from files and the system's tables alone, with no child process and no name server.
import { existsSync, readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import os from 'node:os'
import type { JsonObject } from '../base/json.ts'
import { MARKS, machine } from './machine.ts'
import { addresses, names } from './network.ts'
import { linuxOs, macOs } from './os.ts'

const MIB = 1024 * 1024

/**
 * The grains by name, memory in MiB. `config` holds static grains, which win over those found here; the id is the
 * minion's own always.
 */
export async function collectGrains(options: {
  id: string
  config?: Readonly<Record<string, unknown>>
}): Promise<Record<string, unknown>> {
  const [osGrains, hosts, memory, machineGrains, machineId, version] = await Promise.all([
    operatingSystem(),
    text('/etc/hosts'),
    text('/proc/meminfo'),
    machineFacts().then(machine),
    firstText('/etc/machine-id', '/var/lib/dbus/machine-id'),
    ownVersion(),
  ])
  const cpus = os.cpus()
  return {
    ...osGrains,
    ...names(os.hostname(), hosts),
    ...addresses(os.networkInterfaces()),
    ...machineGrains,
    kernel: os.type(),
    kernelrelease: os.release(),
    kernelversion: os.version(),
    cpuarch: os.machine(),
    num_cpus: cpus.length,
    cpu_model: cpus[0]?.model.trim() || 'Unknown',
    mem_total: Math.floor(os.totalmem() / MIB),
    ...swapGrain(memory),
    ...(machineId ? { machine_id: machineId } : {}),
    ...processGrains(),
    locale_info: localeGrain(),
    reactorversion: version,
    nodeversion: process.versions.node,
    ...options.config,
    id: options.id,
  }
}

async function operatingSystem(): Promise<JsonObject> {
  if (process.platform === 'darwin') return macOs(await text('/System/Library/CoreServices/SystemVersion.plist'))
  return linuxOs(await firstText('/etc/os-release', '/usr/lib/os-release'))
}

async function machineFacts() {
  const [initName, initCgroup, vendor, product, cpuinfo] = (await Promise.all(
    [
      '/proc/1/comm',
      '/proc/1/cgroup',
      '/sys/class/dmi/id/sys_vendor',
      '/sys/class/dmi/id/product_name',
      '/proc/cpuinfo',
    ].map(text),
  )) as [string, string, string, string, string]
  const marks = new Set(MARKS.filter(mark => existsSync(mark)))
  return { marks, initName, initCgroup, vendor, product, hypervisor: /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo) }
}

function swapGrain(memory: string): JsonObject {
  const kib = /^SwapTotal:\s+(\d+) kB/m.exec(memory)?.[1]
  return kib === undefined ? {} : { swap_total: Math.floor(Number(kib) / 1024) }
}

function processGrains(): JsonObject {
  const path = process.env.PATH ?? ''
  const grains: JsonObject = { pid: process.pid, cwd: process.cwd(), path, systempath: path.split(':') }
  grains.shell = process.env.SHELL ?? '/bin/sh'
  try {
    const { username, uid, gid } = os.userInfo()
    return { ...grains, username, uid, gid }
  } catch {
    // A container may run under a uid that no passwd entry names.
    return { ...grains, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
  }
}

function localeGrain(): JsonObject {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || 'C'
  const [language = 'C', encoding = 'ascii'] = locale.split('.')
  return { defaultlanguage: language, defaultencoding: encoding, timezone: timezone() }
}

/** Asking Intl costs more than all the rest together, so it is asked last. */
function timezone(): string {
  if (process.env.TZ) return process.env.TZ.replace(/^:/, '')
  try {
    const [, zone] = readlinkSync('/etc/localtime').split('/zoneinfo/')
    if (zone) return zone
  } catch {
    // A copied file, or none: Intl knows what this process goes by.
  }
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

async function ownVersion(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}

async function firstText(...paths: string[]): Promise<string> {
  for (const path of paths) {
    const found = await text(path)
    if (found !== '') return found
  }
  return ''
}

/** A file's trimmed text; empty where it is missing or unreadable, as many of these are on some systems. */
async function text(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    return ''
  }
}
