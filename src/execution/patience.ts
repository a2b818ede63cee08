// Asking what may never answer: a call to a file system whose server is gone keeps one of the few threads that do all file work of
// the process, until it is back.

interface PatienceLimits {
  patienceMs: number
  /** So many calls may be unanswered; others are refused then. */
  mostSilent: number
}

/** `look`, given up when it takes too long; a path is not looked at while an earlier look at it is unanswered. Throws what `look` throws. */
export function createPatience<T>(
  look: (path: string) => Promise<T>,
  { patienceMs, mostSilent }: PatienceLimits,
): (path: string) => Promise<T> {
  const silent = new Set<string>()
  return path => {
    if (silent.has(path)) return Promise.reject(new Error('the file system does not answer'))
    if (silent.size >= mostSilent)
      return Promise.reject(new Error(`it is not looked at while others do not answer: ${[...silent].join(', ')}`))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        silent.add(path)
        reject(new Error('the file system does not answer'))
      }, patienceMs)
      look(path)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer)
          silent.delete(path)
        })
    })
  }
}
