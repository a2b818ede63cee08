// Files that need not be there.

/** For a `catch`: passes over a file or folder that is not there, and throws any other error of the system. */
export function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
