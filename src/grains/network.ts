// Names and addresses of the machine: from the system's own tables and /etc/hosts, never from a name server that may hang.
import type { NetworkInterfaceInfo } from 'node:os'
import type { JsonObject } from '../base/json.ts'

/** Addresses by interface and over all of them, and the interfaces' hardware addresses. */
export function addresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): JsonObject {
  const entries = Object.entries(interfaces).map(([name, infos]) => [name, infos ?? []] as const)
  const pick = (infos: readonly NetworkInterfaceInfo[], family?: string) =>
    infos.filter(info => !family || info.family === family).map(info => info.address)
  const byInterface = (family?: string) =>
    Object.fromEntries(entries.map(([name, infos]) => [name, pick(infos, family)]))
  const all = (family: string) => [...new Set(entries.flatMap(([, infos]) => pick(infos, family)))].sort()
  return {
    ipv4: all('IPv4'),
    ipv6: all('IPv6'),
    ip_interfaces: byInterface(),
    ip4_interfaces: byInterface('IPv4'),
    ip6_interfaces: byInterface('IPv6'),
    hwaddr_interfaces: Object.fromEntries(entries.flatMap(([name, [first]]) => (first ? [[name, first.mac]] : []))),
  }
}

/** The host's names: its fully qualified one is the first name with a dot that /etc/hosts gives it, else its own. */
export function names(hostname: string, hosts: string): JsonObject {
  const fqdn = hostname.includes('.') ? hostname : (qualified(hostname, hosts) ?? hostname)
  const dot = fqdn.indexOf('.')
  const [host, domain] = dot < 0 ? [fqdn, ''] : [fqdn.slice(0, dot), fqdn.slice(dot + 1)]
  return { nodename: hostname, localhost: hostname, host, domain, fqdn }
}

function qualified(hostname: string, hosts: string): string | undefined {
  for (const line of hosts.split('\n')) {
    const [, ...known] = line.replace(/#.*/, '').trim().split(/\s+/)
    const full = known.includes(hostname) ? known.find(name => name.startsWith(`${hostname}.`)) : undefined
    if (full) return full
  }
  return undefined
}
