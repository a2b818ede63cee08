// One top file as it was rendered: its sections by environment, their targets, what stands under them.
import { isObject } from '../base/json.ts'

export interface TopTarget {
  target: string
  type: string
  order: number
  /** SLS names and globs. */
  sls: string[]
  ignoreMissing: boolean
}

export type Section = Map<string, TopTarget>
export interface TopFile {
  saltenv: string
  sections: Map<string, Section>
}

export function includesOf(include: unknown, sls: string, saltenv: string, errors: string[]): string[] {
  if (include === undefined || include === null) return []
  if (Array.isArray(include) && include.every(name => typeof name === 'string')) return include
  errors.push(`Include of ${sls} in environment '${saltenv}' is not formed as a list of SLS names`)
  return []
}

export function readSections(data: Readonly<Record<string, unknown>>, errors: string[]): Map<string, Section> {
  const sections = new Map<string, Section>()
  for (const [saltenv, targets] of Object.entries(data)) {
    if (saltenv === '') errors.push('Empty saltenv statement in top file')
    else if (!isObject(targets)) errors.push(`The top file matches for saltenv ${saltenv} are not formatted as a dict`)
    else {
      const section: Section = new Map()
      for (const [target, items] of Object.entries(targets)) {
        const read = readTarget(saltenv, target, items, errors)
        if (read) section.set(target, read)
      }
      sections.set(saltenv, section)
    }
  }
  return sections
}

const OPTIONS = ['match', 'order', 'ignore_missing']

function readTarget(saltenv: string, target: string, items: unknown, errors: string[]): TopTarget | undefined {
  const place = `target '${target}' of environment '${saltenv}'`
  const wrong = (what: string): undefined => {
    errors.push(`${what}: ${place}`)
    return undefined
  }
  const list = typeof items === 'string' ? [items] : items
  if (!Array.isArray(list)) return wrong('Malformed topfile (state declarations not formed as a list)')
  const read: TopTarget = { target, type: 'compound', order: 0, sls: [], ignoreMissing: false }
  for (const item of list) {
    if (item === '') return wrong(`Environment ${saltenv} contains an empty sls index`)
    if (typeof item === 'string' || typeof item === 'number') {
      if (!read.sls.includes(String(item))) read.sls.push(String(item))
      continue
    }
    if (!isObject(item)) return wrong(`Malformed topfile (${JSON.stringify(item)} is no SLS name)`)
    for (const [name, value] of Object.entries(item)) {
      if (!OPTIONS.includes(name))
        return wrong(`'${name}' in a top file is not supported, but ${OPTIONS.join(', ')} and SLS names are`)
      if (name === 'match') {
        if (typeof value !== 'string' || value === '')
          return wrong(`Improperly formatted top file matcher (match: ${JSON.stringify(value)})`)
        read.type = value
      } else if (name === 'order') {
        read.order = Number(value)
        if (!Number.isInteger(read.order)) return wrong(`order must be a whole number, got ${JSON.stringify(value)}`)
      } else if (typeof value === 'boolean') read.ignoreMissing = value
      else return wrong(`ignore_missing must be True or False, got ${JSON.stringify(value)}`)
    }
  }
  return read
}
