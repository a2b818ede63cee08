import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '../../src')

/** Layers from the ground up; a folder imports from its own layer (without cycles among folders) and from those below. */
const LAYERS: readonly (readonly string[])[] = [
  ['base'],
  ['protocol'],
  ['config', 'bus', 'functions'],
  [
    'alarms',
    'alerts',
    'audit',
    'beacon',
    'cache',
    'call',
    'cloud',
    'execution',
    'files',
    'fleet',
    'gateway',
    'grains',
    'jinja',
    'jobs',
    'keys',
    'login',
    'metrics',
    'mine',
    'minion',
    'operators',
    'payload',
    'pillar',
    'queue',
    'reactor',
    'report',
    'returner',
    'schedule',
    'services',
    'sls',
    'state',
    'tail',
  ],
  ['modules', 'runners', 'wheels', 'returners', 'beacons', 'clouds', 'states', 'orchestration'],
  ['processes', 'up'],
  ['cli'],
]
/** Layers in which folders do not know each other at all. */
const APART = new Set([2, 4])

const layerOf = (folder: string) => LAYERS.findIndex(layer => layer.includes(folder))

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const imports = files.flatMap(file => {
  const text = readFileSync(join(SRC, file), 'utf8')
  const targets = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(match => match[1]!)
  return targets.map(target => ({ file, target: relative(SRC, resolve(SRC, dirname(file), target)) }))
})
const folderOf = (file: string) => file.split('/')[0]!
/** What lies above `src`, such as package.json, is no layer. */
const between = imports
  .map(({ file, target }) => ({ file, target, from: folderOf(file), to: folderOf(target) }))
  .filter(({ from, to }) => from !== to && to !== '..')

describe('the layers of the code', () => {
  it('knows a layer for every folder', () => {
    expect([...new Set(files.map(folderOf))].filter(folder => layerOf(folder) < 0)).toEqual([])
  })

  it('imports downwards only', () => {
    const upwards = between.filter(
      ({ from, to }) => layerOf(to) > layerOf(from) || (layerOf(to) === layerOf(from) && APART.has(layerOf(from))),
    )
    expect(upwards.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
  })

  it('has no cycle among the folders', () => {
    const edges = new Map<string, Set<string>>()
    for (const { from, to } of between) edges.set(from, (edges.get(from) ?? new Set()).add(to))
    const cycles: string[] = []
    const visit = (folder: string, path: readonly string[]): void => {
      if (path.includes(folder)) cycles.push([...path.slice(path.indexOf(folder)), folder].join(' → '))
      else for (const next of edges.get(folder) ?? []) visit(next, [...path, folder])
    }
    for (const folder of edges.keys()) visit(folder, [])
    expect([...new Set(cycles)]).toEqual([])
  })

  it('keeps NATS out of base and functions', () => {
    const offenders = files.filter(
      file => /^(base|functions)\//.test(file) && /from '@nats-io/.test(readFileSync(join(SRC, file), 'utf8')),
    )
    expect(offenders).toEqual([])
  })

  it('lets only CORE services touch JetStream: neither commands nor the minion import it', () => {
    const offenders = files.filter(
      file =>
        /^(cli|tail|call|minion)\//.test(file) &&
        /from '@nats-io\/(jetstream|kv|obj)'/.test(readFileSync(join(SRC, file), 'utf8')),
    )
    expect(offenders).toEqual([])
  })
})

describe('the house', () => {
  it('opens every file with a line that says what it owns', () => {
    const silent = files.filter(file => !/^(#!.*\n)?\/\/ /.test(readFileSync(join(SRC, file), 'utf8')))
    expect(silent).toEqual([])
  })

  it('has no enums and no barrels', () => {
    const offenders = files.filter(file =>
      /^(export )?(const )?enum |^export \* from/m.test(readFileSync(join(SRC, file), 'utf8')),
    )
    expect(offenders).toEqual([])
  })
})
