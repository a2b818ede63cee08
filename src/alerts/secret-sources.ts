// Reads what a profile only points at: `{env: NAME}`, `{file: PATH}`, certificates in PEM files.
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorMessage, ReactorError } from '../base/errors.ts'

const MAX_FILE = 1024 * 1024

export type SecretRef = string | { env: string } | { file: string }

/** Where `{env}` and relative `{file}` paths are looked up: by default this process's environment and folder. */
export interface SecretSources {
  env?: Readonly<Record<string, string | undefined>>
  dir?: string
}

/** The secret's text. `place` and `key` name it in errors. Throws `bad_config` that names the variable or the file. */
export function readSecret(place: string, key: string, ref: SecretRef, sources: SecretSources): string {
  if (typeof ref === 'string') return ref
  if ('file' in ref) {
    const text = readText(place, key, ref.file, sources).replace(/\r?\n$/, '')
    if (text === '') throw refuse(place, `${key}: the file ${ref.file} is empty`)
    return text
  }
  const value = (sources.env ?? process.env)[ref.env]
  if (value) return value
  const state = value === undefined ? 'is not set' : 'is empty'
  throw refuse(place, `${key}: the environment variable ${ref.env} ${state}; set it where this process starts`)
}

/** PEM text, given as such or as the path of a file. Throws `bad_config` for a file without a certificate. */
export function readCertificate(place: string, ca: string, sources: SecretSources): string {
  if (ca.includes('-----BEGIN CERTIFICATE')) return ca
  const text = readText(place, 'ca', ca, sources)
  if (!text.includes('-----BEGIN CERTIFICATE')) throw refuse(place, `ca: the file ${ca} holds no PEM certificate`)
  return text
}

function readText(place: string, key: string, path: string, sources: SecretSources): string {
  const file = resolve(sources.dir ?? process.cwd(), path)
  try {
    const found = statSync(file)
    if (!found.isFile()) throw new Error('it is not a regular file')
    if (found.size > MAX_FILE) throw new Error(`it is larger than ${MAX_FILE} bytes`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw refuse(place, `${key}: cannot read the file ${file}: ${errorMessage(error)}`)
  }
}

function refuse(place: string, what: string): ReactorError {
  return new ReactorError('bad_config', `${place}: ${what}`)
}
