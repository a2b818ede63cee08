// What a template sees of itself: names that follow from its path and its SLS, as Salt gives them.

/** Of any file, also one that is imported: it sees its own. */
export function fileNames(path: string): Record<string, string> {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  return { tplpath: path, tplfile: path, tpldir: folder || '.', tpldot: folder.replaceAll('/', '.') }
}

/** Of the SLS that is rendered; what it imports sees the same. */
export function slsNames(path: string, sls: string, saltenv: string): Record<string, string> {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  return {
    sls,
    saltenv,
    env: saltenv,
    slspath: folder,
    slsdotpath: folder.replaceAll('/', '.'),
    slscolonpath: folder.replaceAll('/', ':'),
    sls_path: folder.replaceAll('/', '_'),
  }
}
