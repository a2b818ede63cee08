// An SLS file to its data, and a template to its text: Jinja, then YAML or JSON, as the file's first line says.
import { errorMessage, ReactorError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import type { RenderOptions } from '../functions/minion-data.ts'
import { DOCUMENT_LIMITS, renderDocument } from '../jinja/document.ts'
import type { SourceFile } from '../jinja/excerpt.ts'
import { replay } from '../jinja/replay.ts'
import { createBudget } from '../jinja/values.ts'
import type { Tags } from '../jinja/yaml.ts'
import { fileNames, slsNames } from './names.ts'
import { parseYaml } from './parse.ts'
import { saltOf } from './salt.ts'
import type { SlsSource, SlsSurroundings } from './types.ts'

export interface SlsOptions {
  /** Of its YAML and of what it imports, such as `!env`. */
  tags?: Tags
}

/**
 * The data of an SLS file as plain JSON, frozen, as the same may be given to many; null for an empty file. Throws `template` in
 * Salt's words: `Jinja variable 'x' is undefined; line 3 of web/init.sls` with the lines around it, and `details.problem` without
 * them.
 */
export async function renderSls(
  { path, text, sls, saltenv }: SlsSource,
  surroundings: SlsSurroundings,
  { tags = [] }: SlsOptions = {},
): Promise<unknown> {
  const { pipe, body } = rendererOf({ path, text })
  const names = { ...surroundings.names, ...slsNames(path, sls, saltenv) }
  const rendered = pipe.includes('jinja')
    ? await jinja({ path, text: body }, saltenv, { ...surroundings, names }, tags)
    : body
  if (pipe.includes('json')) return parseJson({ path, text: rendered })
  return pipe.includes('yaml') ? parseYaml({ path, text: rendered }, tags) : rendered
}

/** The text of a template, such as `file.managed` writes. Throws as `renderSls`. */
export function renderText(
  text: string,
  { source, saltenv, names }: RenderOptions,
  surroundings: SlsSurroundings,
): Promise<string> {
  const path = source.replace(/^salt:\/\//, '')
  const given = { saltenv, env: saltenv, ...surroundings.names, ...names }
  return jinja({ path, text }, saltenv, { ...surroundings, names: given })
}

async function jinja(
  file: SourceFile,
  saltenv: string,
  surroundings: SlsSurroundings,
  tags: Tags = [],
): Promise<string> {
  if (!/\{[{%#]/.test(file.text)) return file.text
  const budget = createBudget(DOCUMENT_LIMITS)
  const text = await replay(({ once, each }) =>
    renderDocument(file, { ...surroundings.names, salt: saltOf(surroundings, each, budget) }, budget, {
      load: path => once(`load ${path}`, () => surroundings.load(path, saltenv)) as string | undefined,
      namesOf: fileNames,
      tags,
    }),
  )
  // Jinja2 takes one newline off the end of a template; Salt puts it back.
  return text + (/\r?\n$/.exec(file.text)?.[0] ?? '')
}

const PIPES: ReadonlyMap<string, readonly string[]> = new Map(
  ['jinja|yaml', 'yaml', 'jinja', 'json', 'jinja|json'].map(pipe => [pipe, pipe.split('|')]),
)

/** The renderers that the first line names; the text keeps its number of lines. */
function rendererOf({ path, text }: SourceFile): { pipe: readonly string[]; body: string } {
  const line = /^#!(?!\/)([^\n]*)/.exec(text)
  if (!line) return { pipe: ['jinja', 'yaml'], body: text }
  const named = line[1]!.replaceAll(/\s/g, '')
  const pipe = PIPES.get(named)
  if (pipe) return { pipe, body: text.slice(line[0].length) }
  const known = [...PIPES.keys()]
  const message = `${path} is written for the renderer '${named}', which there is not: there are ${known.join(', ')}.`
  throw new ReactorError('template', message + didYouMean(named, known))
}

function parseJson({ path, text }: SourceFile): unknown {
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ReactorError('template', `${path} is no JSON: ${errorMessage(error)}`, { file: path })
  }
}
