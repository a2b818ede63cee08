// What kind of machine this is: container or virtual, by which init it is run. Pure: the caller reads the files.
import type { JsonObject } from '../base/json.ts'

export interface MachineFacts {
  /** Marks in the file system that were found, by their paths. */
  marks: ReadonlySet<string>
  /** /proc/1/comm and /proc/1/cgroup. */
  initName: string
  initCgroup: string
  /** /sys/class/dmi/id: sys_vendor and product_name. */
  vendor: string
  product: string
  /** /proc/cpuinfo shows the flag `hypervisor`. */
  hypervisor: boolean
}

export const MARKS = ['/run/systemd/system', '/.dockerenv', '/run/.containerenv'] as const

const INITS: Record<string, string> = { init: 'sysvinit', runit: 'runit', tini: 'tini', 'dumb-init': 'dumb-init' }
const CGROUPS: [RegExp, string][] = [
  [/kubepods/, 'Kubernetes'],
  [/docker/, 'Docker'],
  [/libpod/, 'Podman'],
  [/\/lxc\//, 'LXC'],
]
const VENDORS: [RegExp, string][] = [
  [/VMware/, 'VMware'],
  [/VirtualBox|innotek/, 'VirtualBox'],
  [/Microsoft Corporation Virtual/, 'HyperV'],
  [/Xen/, 'xen'],
  [/Amazon EC2/, 'Nitro'],
  [/Google/, 'gce'],
  [/QEMU|KVM|OpenStack|Bochs|DigitalOcean|Hetzner/, 'kvm'],
  [/Parallels/, 'Parallels'],
]

/** `init`, `virtual`, `virtual_subtype`, `manufacturer`, `productname`; what cannot be told is left out. */
export function machine(facts: MachineFacts): JsonObject {
  const grains: JsonObject = { init: facts.marks.has(MARKS[0]) ? 'systemd' : (INITS[facts.initName] ?? 'unknown') }
  if (facts.vendor) grains.manufacturer = facts.vendor
  if (facts.product) grains.productname = facts.product
  const container = containerKind(facts)
  if (container !== undefined) return { ...grains, virtual: 'container', virtual_subtype: container }
  const board = `${facts.vendor} ${facts.product}`
  const virtual = VENDORS.find(([pattern]) => pattern.test(board))?.[1]
  if (virtual !== undefined) return { ...grains, virtual }
  // A hypervisor that names itself nowhere: that it is not physical is known, what it is is not.
  if (facts.hypervisor) return { ...grains, virtual: 'unknown' }
  return board.trim() === '' ? grains : { ...grains, virtual: 'physical' }
}

function containerKind({ marks, initCgroup }: MachineFacts): string | undefined {
  const byCgroup = CGROUPS.find(([pattern]) => pattern.test(initCgroup))?.[1]
  if (byCgroup !== undefined) return byCgroup
  if (marks.has('/.dockerenv')) return 'Docker'
  return marks.has('/run/.containerenv') ? 'Podman' : undefined
}
