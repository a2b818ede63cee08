// The kinds of target beside the glob, with Salt's letters: as options, and in compound expressions.

/** Letter, type, name of the option among those that were read, what it is. */
export const TARGET_TYPES = [
  ['E', 'pcre', 'pcre', 'the target is a regular expression over ids'],
  ['L', 'list', 'list', 'the target is a list of ids with commas'],
  ['G', 'grain', 'grain', "the target is a grain and a glob, such as 'os:Debian'"],
  ['P', 'grain_pcre', 'grainPcre', 'the target is a grain and a regular expression'],
  ['I', 'pillar', 'pillar', 'the target is a pillar key and a glob'],
  ['J', 'pillar_pcre', 'pillarPcre', 'the target is a pillar key and a regular expression'],
  ['S', 'ipcidr', 'ipcidr', "the target is an address or a subnet, such as '10.1.0.0/16'"],
  ['N', 'nodegroup', 'nodegroup', 'the target is the name of a nodegroup of the config'],
  ['C', 'compound', 'compound', "the target is an expression, such as 'G@os:Debian and not web1'"],
] as const

export type TargetOption = (typeof TARGET_TYPES)[number][2]
