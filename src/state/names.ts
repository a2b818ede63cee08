// The names of SLS files: `web.nginx` is `web/nginx.sls` or `web/nginx/init.sls`.

/** Where an SLS can lie, the first that is there counts. */
export function slsPaths(sls: string): [string, string] {
  const path = sls.replaceAll('.', '/')
  return [`${path}.sls`, `${path}/init.sls`]
}

/** The SLS that a file is; undefined for a file that is none, or that no name can reach since it has dots in its path. */
export function slsOf(path: string): string | undefined {
  const bare = /^([^.]+)\.sls$/.exec(path)?.[1]
  return bare?.replace(/\/init$/, '').replaceAll('/', '.')
}

/** Whether a text is a pattern of Salt's globs. */
export const isPattern = (text: string): boolean => /[*?[]/.test(text)

/** `.x` and `..x` of an SLS as the name they stand for; undefined where it goes beyond the roots. */
export function absoluteSls(include: string, sls: string, path: string): string | undefined {
  const dots = /^\.+/.exec(include)?.[0].length ?? 0
  if (dots === 0) return include
  const package_ = [...sls.split('.'), ...(path.endsWith('/init.sls') ? ['init'] : [])]
  if (dots > package_.length) return undefined
  return [...package_.slice(0, -dots), include.slice(dots)].join('.')
}
