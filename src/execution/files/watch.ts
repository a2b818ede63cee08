// Watches a path, and what is in it: the system says where something happened, and what that was follows from how it was
// before and how it is now. What is told is therefore true, however many changes there were, and what is kept is bounded by what is watched.
import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { type ChangeKind, changesBetween, type FileFacts, factsOf } from './facts.ts'
import { createUnclosed } from './unclosed.ts'

export interface WatchedPath {
  /** Absolute; a symbolic link is followed. It need not be there. */
  path: string
  kinds: ReadonlySet<ChangeKind>
  /** Folders that are in it when the watch begins. */
  recurse: boolean
  /** Folders that come to it later. */
  autoAdd: boolean
  excluded(path: string): boolean
}

export interface FileChange {
  /** The watched folder that it is in; of the watched path itself, that. */
  folder: string
  path: string
  kind: ChangeKind
  isFolder: boolean
}

export interface PathWatch {
  readonly path: string
  /**
   * Since the last call; `lost`: how many more there were; `unseen`: processes of which it is not known what they write. The first call begins the watch. Throws
   * `function_failed` where it cannot be watched; it is tried again a minute later.
   */
  changes(): Promise<{ changes: FileChange[]; lost: number; unseen: number }>
  close(): void
}

interface Folder {
  path: string
  watcher: FSWatcher
  entries: Map<string, FileFacts>
  /** Names in which something happened, with how often they came or went; undefined: too many. */
  stirred: Map<string, number> | undefined
  /** Names that came or went once, and were there neither before nor after: the other half is told of next. */
  halves: Set<string>
}

const MOST_TOLD = 2000
const MOST_STIRRED = 2000
const MOST_ENTRIES = 100_000
/** A try may take long, as that of a tree that is too large. */
const AGAIN_MS = 60_000
/** Questions to the file system at a time. */
const AT_ONCE = 64

export function watchPath({ path: root, kinds, recurse, autoAdd, excluded }: WatchedPath): PathWatch {
  const folders = new Map<string, Folder>()
  let begun = false
  let closed = false
  let known: FileFacts | undefined
  let changes: FileChange[] = []
  let lost = 0
  let watched = 0
  let failed: { error: ReactorError; at: number } | undefined
  const unclosed = createUnclosed()

  const tell = (folder: string, path: string, told: readonly ChangeKind[], isFolder: boolean) => {
    for (const kind of told) {
      if (changes.length < MOST_TOLD) changes.push({ folder, path, kind, isFolder })
      else lost++
    }
  }
  /** It is told once it has been closed. */
  const noteWritten = (folder: string, path: string, before: FileFacts | undefined, now: FileFacts | undefined) => {
    if (!kinds.has('close_write')) return
    if (!now?.fileId) unclosed.drop(path)
    else if (before?.identity !== now.identity || before.content !== now.content)
      unclosed.add({ folder, path, id: now.fileId })
  }
  const drop = (folder: Folder) => {
    folder.watcher.close()
    watched -= folder.entries.size
    folders.delete(folder.path)
  }
  const dropAll = () => {
    for (const folder of [...folders.values()]) drop(folder)
  }
  /** `told`: what is in it is new; `deep`: with the folders in it. */
  const enter = async (path: string, told: boolean, deep: boolean): Promise<void> => {
    const folder: Folder = {
      path,
      watcher: watch(path, { persistent: false }),
      entries: new Map(),
      stirred: new Map(),
      halves: new Set(),
    }
    folders.set(path, folder)
    folder.watcher.on('change', (kind, name) => stir(folder, kind, name as string | null))
    // The next look finds that it is gone, or what is wrong with it.
    folder.watcher.on('error', () => {
      folder.stirred = undefined
    })
    // Watched first: what happens meanwhile is looked at twice, and told once.
    await look(folder, await readdir(path), told, deep)
  }
  /** Enters a folder that may be gone again. */
  const tryEnter = async (path: string, told: boolean, deep: boolean) => {
    // A look may still go on when it is closed.
    if (closed) return
    try {
      await enter(path, told, deep)
    } catch (error) {
      const gone = folders.get(path)
      if (gone) drop(gone)
      if (!isGone(error)) throw error
    }
  }
  const leave = (path: string) => {
    const folder = folders.get(path)
    if (!folder) return
    for (const [name, facts] of folder.entries) {
      const at = join(path, name)
      if (facts.isFolder) leave(at)
      tell(path, at, changesBetween(facts, undefined, kinds), facts.isFolder)
      noteWritten(path, at, facts, undefined)
    }
    drop(folder)
  }
  /** Compares these names with what was known of them. */
  const look = async (folder: Folder, names: readonly string[], told: boolean, deep: boolean) => {
    const { path, entries } = folder
    const included = names.filter(name => !excluded(join(path, name)))
    for (let from = 0; from < included.length; from += AT_ONCE) {
      const some = included.slice(from, from + AT_ONCE)
      const found = await Promise.all(some.map(name => factsOf(join(path, name))))
      for (const [at, name] of some.entries()) {
        const [before, now] = [entries.get(name), found[at]]
        const own = join(path, name)
        const isOther = before?.identity !== now?.identity
        if (before?.isFolder && isOther) leave(own)
        if (told) {
          tell(path, own, changesBetween(before, now, kinds), (now ?? before)?.isFolder === true)
          noteWritten(path, own, before, now)
        }
        watched += Number(now !== undefined) - Number(before !== undefined)
        if (now) entries.set(name, now)
        else entries.delete(name)
        if (now?.isFolder && isOther && deep) await tryEnter(own, told, deep)
      }
      if (watched > MOST_ENTRIES) throw new Error(`more than ${MOST_ENTRIES} files are in it; exclude some`)
    }
  }
  const lookAgain = async (folder: Folder) => {
    const { stirred, halves, path, entries } = folder
    folder.stirred = new Map()
    folder.halves = new Set()
    if (stirred?.size === 0) return
    const inIt = stirred
      ? stirred.keys()
      : await readdir(path).catch(error => (isGone(error) ? [] : Promise.reject(error)))
    const before = new Set(entries.keys())
    await look(folder, stirred ? [...inIt] : [...new Set([...inIt, ...before])], true, autoAdd)
    for (const [name, times] of stirred ?? []) {
      // The folder itself is told under its own name; names that are no UTF-8 cannot be looked at.
      if (times === 0 || name === basename(path) || name.includes('\ufffd') || excluded(join(path, name))) continue
      if (before.has(name) || entries.has(name)) continue
      if (times === 1 && !halves.has(name)) {
        folder.halves.add(name)
        continue
      }
      tell(
        path,
        join(path, name),
        (['create', 'delete'] as const).filter(kind => kinds.has(kind)),
        false,
      )
    }
  }
  const lookAtRoot = async () => {
    const [before, now] = [known, await factsOf(root, { follow: true })]
    const isOther = before?.identity !== now?.identity
    known = now
    if (before?.isFolder && isOther) leave(root)
    if (begun) {
      const told = changesBetween(before, now, kinds).filter(kind => kind !== 'delete' || !kinds.has('delete_self'))
      const isLost = before !== undefined && isOther && kinds.has('delete_self') && !told.includes('modify')
      tell(root, root, isLost ? ['delete_self', ...told] : told, (now ?? before)?.isFolder === true)
      noteWritten(root, root, before, now)
    }
    if (now?.isFolder && isOther) await tryEnter(root, begun, recurse)
  }
  return {
    path: root,
    async changes() {
      changes = []
      lost = 0
      if (failed && Math.abs(performance.now() - failed.at) < AGAIN_MS) throw failed.error
      try {
        await lookAtRoot()
        if (begun)
          for (const folder of [...folders.values()]) if (folders.get(folder.path) === folder) await lookAgain(folder)
        begun = true
        failed = undefined
        const { files, unseen } = await unclosed.closed()
        for (const { folder, path } of files) tell(folder, path, ['close_write'], false)
        return { changes, lost, unseen }
      } catch (error) {
        // What is known of it is not whole: the next look begins anew.
        dropAll()
        known = undefined
        begun = false
        failed = { error: unwatchable(root, error), at: performance.now() }
        throw failed.error
      }
    },
    close() {
      closed = true
      dropAll()
    },
  }
}

function stir(folder: Folder, kind: string, name: string | null): void {
  if (name === null || (folder.stirred && folder.stirred.size >= MOST_STIRRED)) folder.stirred = undefined
  folder.stirred?.set(name!, (folder.stirred.get(name!) ?? 0) + (kind === 'rename' ? 1 : 0))
}

const isGone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

function unwatchable(path: string, error: unknown): ReactorError {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EMFILE')
    return new ReactorError(
      'function_failed',
      `${path} cannot be watched: the system gives no more watches; raise fs.inotify.max_user_watches and max_user_instances, or watch less; it is tried again in a minute`,
    )
  return new ReactorError(
    'function_failed',
    `${path} cannot be watched: ${errorMessage(error)}; it is tried again in a minute`,
    {},
    error,
  )
}
