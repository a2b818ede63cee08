// Which operating system this is, in the names that Salt gives: os, os_family, osfullname, osfinger and the rest.
import type { JsonObject } from '../base/json.ts'

/** `ID` of os-release → Salt's `os` and `os_family`. */
const SYSTEMS: Record<string, [os: string, family: string]> = {
  debian: ['Debian', 'Debian'],
  ubuntu: ['Ubuntu', 'Debian'],
  raspbian: ['Raspbian', 'Debian'],
  linuxmint: ['Mint', 'Debian'],
  kali: ['Kali', 'Debian'],
  pop: ['Pop', 'Debian'],
  devuan: ['Devuan', 'Debian'],
  neon: ['KDE neon', 'Debian'],
  rhel: ['RedHat', 'RedHat'],
  centos: ['CentOS', 'RedHat'],
  fedora: ['Fedora', 'RedHat'],
  rocky: ['Rocky', 'RedHat'],
  almalinux: ['AlmaLinux', 'RedHat'],
  ol: ['OEL', 'RedHat'],
  amzn: ['Amazon', 'RedHat'],
  photon: ['VMware Photon OS', 'RedHat'],
  sles: ['SUSE', 'Suse'],
  'opensuse-leap': ['SUSE', 'Suse'],
  'opensuse-tumbleweed': ['SUSE', 'Suse'],
  arch: ['Arch', 'Arch'],
  manjaro: ['Manjaro', 'Arch'],
  alpine: ['Alpine', 'Alpine'],
  gentoo: ['Gentoo', 'Gentoo'],
  void: ['Void', 'Void'],
  nixos: ['NixOS', 'NixOS'],
}
const FAMILIES: Record<string, string> = {
  debian: 'Debian',
  ubuntu: 'Debian',
  rhel: 'RedHat',
  fedora: 'RedHat',
  centos: 'RedHat',
  suse: 'Suse',
  arch: 'Arch',
  alpine: 'Alpine',
  gentoo: 'Gentoo',
}
/** Salt names these by `os` and the others by `osfullname` in osfinger, and gives these their whole release. */
const FINGER_BY_OS = new Set(['Debian', 'Raspbian', 'MacOS'])
const FINGER_WHOLE_RELEASE = new Set(['Ubuntu', 'Pop'])

/** The grains that the text of /etc/os-release gives. */
export function linuxOs(osRelease: string): JsonObject {
  const fields = parseOsRelease(osRelease)
  const id = fields.ID ?? 'linux'
  const like = (fields.ID_LIKE ?? '').split(/\s+/).find(name => name in FAMILIES)
  const fullName = fields.NAME ?? 'Linux'
  const [os, family] = SYSTEMS[id] ?? [fullName, like ? FAMILIES[like]! : fullName]
  const codename = fields.VERSION_CODENAME ?? /\(([^)]+)\)/.exec(fields.VERSION ?? '')?.[1] ?? fields.PRETTY_NAME ?? ''
  return describe({ os, family, fullName, release: fields.VERSION_ID ?? '', codename })
}

/** The grains that the text of macOS's SystemVersion.plist gives. */
export function macOs(plist: string): JsonObject {
  const value = (key: string) => new RegExp(`<key>${key}</key>\\s*<string>([^<]*)</string>`).exec(plist)?.[1] ?? ''
  const fullName = value('ProductName') || 'macOS'
  const build = value('ProductBuildVersion')
  const release = value('ProductVersion')
  return { ...describe({ os: 'MacOS', family: 'MacOS', fullName, release, codename: release }), osbuild: build }
}

function describe(facts: { os: string; family: string; fullName: string; release: string; codename: string }) {
  const { os, family, fullName, release, codename } = facts
  const info = release === '' ? [] : release.split('.').map(part => (/^\d+$/.test(part) ? Number(part) : part))
  const name = FINGER_BY_OS.has(os) ? os : fullName
  const finger = FINGER_WHOLE_RELEASE.has(os) ? release : String(info[0] ?? '')
  const grains: JsonObject = { os, os_family: family, osfullname: fullName, osrelease: release, oscodename: codename }
  grains.osrelease_info = info
  grains.osfinger = finger === '' ? name : `${name}-${finger}`
  if (info[0] !== undefined) grains.osmajorrelease = info[0]
  return grains
}

/** The assignments of an os-release file, their quotes removed. */
export function parseOsRelease(text: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const [, name, raw] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim()) ?? []
    if (name === undefined || raw === undefined) continue
    const quote = raw[0] === '"' || raw[0] === "'" ? raw[0] : ''
    const bare = quote && raw.length > 1 && raw.endsWith(quote) ? raw.slice(1, -1) : raw
    fields[name] = quote === "'" ? bare : bare.replace(/\\(["$`\\])/g, '$1')
  }
  return fields
}
