// What a function on a minion sees of the master's data: the minion's pillar, and the files of file_roots.

/** A pillar as it was compiled for this minion. */
export interface Pillar {
  readonly value: Readonly<Record<string, unknown>>
  /** What of its SLS files could not be rendered, for people; a state run refuses to begin while there is any. */
  readonly errors: readonly string[]
}

export interface PillarRequest {
  /** Laid over what the files say, as `pillar=` of a state run does. */
  override?: Record<string, unknown>
  /** Only this environment's pillar. */
  pillarenv?: string
  saltenv?: string
}

export interface MinionPillar {
  /** As it was fetched last; without values before it ever was. */
  current(): Pillar
  /** Compiles it anew, for this call alone. Throws `unreachable`. */
  compile(request?: PillarRequest): Promise<Pillar>
  /** Compiles it anew and goes on with that. Throws `unreachable`, and keeps what it has. */
  refresh(): Promise<Pillar>
  /** The value with `[redacted]` in the place of secrets of the pillar, wherever they stand in it. */
  hide<T>(value: T): T
}

export interface FileHash {
  /** Always `sha256`. */
  hash_type: string
  /** Hexadecimal. */
  hsum: string
  size: number
  /** Permissions of the file on the master, such as 0o644. */
  mode: number
}

/** Files of the master's file_roots, by their paths without `salt://`. */
export interface Files {
  envs(): Promise<string[]>
  /** Paths of files, sorted; those below `prefix`. */
  list(saltenv: string, prefix?: string): Promise<string[]>
  /** Folders, empty ones included. */
  listDirs(saltenv: string, prefix?: string): Promise<string[]>
  /** Undefined: there is no such file. Throws `unreachable`, and `bad_argument` on a path that leaves the roots. */
  hash(path: string, saltenv: string): Promise<FileHash | undefined>
  /** The file's copy on this machine, fetched unless it is there unchanged; undefined: there is no such file. */
  cache(path: string, saltenv: string): Promise<string | undefined>
  /** Where its copy lies, if there is one, fresh or not. */
  cached(path: string, saltenv: string): Promise<string | undefined>
  /** Paths of the copies that lie on this machine, sorted. */
  listCached(saltenv: string): Promise<string[]>
  /** Removes all copies from this machine. */
  clear(): Promise<void>
}

export interface RenderOptions {
  /** Names the text in errors, such as `salt://web/nginx.conf`. */
  source: string
  /** The environment that its imports and includes are read from. */
  saltenv: string
  /** Names that it sees beside grains, pillar, salt, opts. */
  names?: Readonly<Record<string, unknown>>
}
