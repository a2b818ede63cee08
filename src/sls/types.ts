// What an SLS file is rendered with, whether of states, pillar or an orchestration.

/** A file below the roots of an environment, by its path without `salt://`. */
export interface SlsFile {
  path: string
  text: string
}

/** Where a rendering reads what its templates import and include. Undefined: there is no such file. */
export type LoadFile = (path: string, saltenv: string) => Promise<string | undefined>

/**
 * `salt['module.function'](…)` of a template. Throws the function's failure. An answer that is no promise is there at once;
 * one that is makes the file be rendered anew when it has come.
 */
export type CallFunction = (fun: string, args: unknown[], named: Record<string, unknown>) => unknown

export interface SlsSurroundings {
  load: LoadFile
  call: CallFunction
  /** Whether there is such a function, for `'cmd.run' in salt`; without it every one is taken to be there. */
  has?(fun: string): boolean
  /** Grains, pillar, opts and what else templates see. */
  names: Readonly<Record<string, unknown>>
}

export interface SlsSource extends SlsFile {
  /** `web.nginx`; empty for a file that is no SLS. */
  sls: string
  saltenv: string
}
