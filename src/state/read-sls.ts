// One rendered SLS: what it declares, extends, excludes and includes, in Salt's long form, or what is wrong with it.
import { isObject } from '../base/json.ts'
import { shown } from './shown.ts'
import type { Arg, Body } from './types.ts'
import { verifyArgs } from './verify.ts'

/** Bodies have lists of arguments alone under their modules; the lists are the reader's own. */
export interface Sls {
  declared: Map<string, Body>
  extended: [id: string, body: Body][]
  excluded: Exclusion[]
  included: Inclusion[]
}

/** An SLS, by a pattern of Salt's, or an ID. */
export type Exclusion = string | { sls: string } | { id: string }

export interface Inclusion {
  sls: string
  /** Undefined: the one of the SLS that includes it. */
  saltenv: string | undefined
}

export interface SlsName {
  sls: string
  saltenv: string
}

/** What is wrong is pushed to `errors`, and left out of what is returned. */
export function readSls(data: unknown, of: SlsName, errors: string[]): Sls {
  const read: Sls = { declared: new Map(), extended: [], excluded: [], included: [] }
  if (data === undefined || data === null) return read
  if (!isObject(data)) {
    errors.push(`SLS ${of.sls} does not render to a dictionary`)
    return read
  }
  const { include, extend, exclude, ...declarations } = data
  if (include !== undefined) read.included = readInclude(include, of, errors)
  if (exclude !== undefined) read.excluded = readExclude(exclude, of, errors)
  if (extend !== undefined) read.extended = readExtend(extend, of, errors)
  const ids = Object.keys(declarations)
  for (const id of ids) {
    const body = readDeclaration(id, declarations[id], of, errors)
    if (body) read.declared.set(id, body)
    // A map of JavaScript has such keys before all others, and so in another order than the file.
    if (/^(?:0|[1-9]\d*)$/.test(id) && ids.length > 1)
      errors.push(`ID '${id}' in SLS '${of.sls}' is a bare number. Give it letters, such as 'state ${id}'.`)
  }
  return read
}

function readDeclaration(id: string, value: unknown, of: SlsName, errors: string[]): Body | undefined {
  if (id.startsWith('__')) {
    errors.push(`ID '${id}' in SLS '${of.sls}' begins with '__', which is Salt's own. Give it another name.`)
    return undefined
  }
  if (typeof value === 'string' && value.includes('.')) return readBody(id, { [value]: [] }, of, errors)
  if (isObject(value)) return readBody(id, value, of, errors)
  errors.push(`ID ${id} in SLS ${of.sls} is not a dictionary`)
  return undefined
}

/** `file.managed: […]` becomes `file: […, managed]`. */
function readBody(id: string, value: Record<string, unknown>, of: SlsName, errors: string[]): Body {
  const body: Body = { __sls__: of.sls, __env__: of.saltenv }
  for (const [key, given] of Object.entries(value)) {
    const dot = key.indexOf('.')
    const module = dot < 0 ? key : key.slice(0, dot)
    if (key.startsWith('_') || module === '')
      errors.push(`ID '${id}' in SLS '${of.sls}' declares '${key}', which is no state: write <module>.<function>`)
    else if (Object.hasOwn(body, module))
      errors.push(`ID '${id}' in SLS '${of.sls}' contains multiple state declarations of the same type`)
    else {
      const args = verifyArgs({ id, key, sls: of.sls }, given, errors)
      body[module] = dot < 0 ? args : [...args, key.slice(dot + 1)]
    }
  }
  return body
}

function readExtend(value: unknown, of: SlsName, errors: string[]): Sls['extended'] {
  if (!isObject(value)) {
    errors.push(`Extension value in SLS '${of.sls}' is not a dictionary`)
    return []
  }
  return Object.entries(value).flatMap(([id, body]): Sls['extended'] => {
    if (isObject(body)) return [[id, readBody(id, body, of, errors)]]
    errors.push(`Extension name '${id}' in SLS '${of.sls}' is not a dictionary`)
    return []
  })
}

function readExclude(value: unknown, { sls }: SlsName, errors: string[]): Exclusion[] {
  if (Array.isArray(value)) return value.flatMap(item => readExclusion(item, `in SLS ${sls}`, errors))
  errors.push(`Exclude Declaration in SLS ${sls} is not formed as a list`)
  return []
}

/** One item of a list of exclusions; `where` names the list. */
export function readExclusion(item: unknown, where: string, errors: string[]): Exclusion[] {
  if (typeof item === 'string') return [item]
  const [[key, value] = [], ...more] = isObject(item) ? Object.entries(item) : []
  if (more.length === 0 && typeof value === 'string') {
    if (key === 'sls') return [{ sls: value }]
    if (key === 'id') return [{ id: value }]
  }
  errors.push(`Exclude Declaration ${where} holds ${shown(item)}: write an SLS, {sls: <SLS>} or {id: <ID>}`)
  return []
}

function readInclude(value: unknown, { sls }: SlsName, errors: string[]): Inclusion[] {
  if (!Array.isArray(value)) {
    errors.push(`Include Declaration in SLS ${sls} is not formed as a list`)
    return []
  }
  return value.flatMap((item): Inclusion[] => {
    if (typeof item === 'string' && item !== '') return [{ sls: item, saltenv: undefined }]
    const [[saltenv, included] = [], ...more] = isObject(item) ? Object.entries(item) : []
    if (
      saltenv !== undefined &&
      saltenv !== '_xenv' &&
      more.length === 0 &&
      typeof included === 'string' &&
      included !== ''
    )
      return [{ sls: included, saltenv }]
    const hint =
      saltenv === '_xenv' ? "'_xenv' is not supported: name the environment" : 'write an SLS, or {<environment>: <SLS>}'
    errors.push(`Badly formatted include ${shown(item)} found in include in SLS '${sls}': ${hint}`)
    return []
  })
}

/** The modules of a body, with their arguments. */
export const modulesOf = (body: Body): [module: string, args: Arg[]][] =>
  Object.entries(body).filter((entry): entry is [string, Arg[]] => !entry[0].startsWith('__'))
