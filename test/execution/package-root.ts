// A machine's packages in a folder of the test's own: real apt and dpkg, with a repository of packages that are built here.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { testFolder } from '../helpers/folder.ts'

const run = promisify(execFile)

export interface Built {
  name: string
  version: string
  /** Further fields of its control file. */
  fields?: Record<string, string>
}

/** dpkg installs for root alone. */
export const hasApt = async (): Promise<boolean> =>
  process.getuid?.() === 0 &&
  (await Promise.all(['apt-get', 'dpkg-deb'].map(tool => run(tool, ['--version'])))
    .then(() => true)
    .catch(() => false))

/** `publish` puts packages into the repository; the machine knows of them once its lists are refreshed. */
export async function packageRoot() {
  const folder = await testFolder()
  const [root, repository] = [join(folder, 'root'), join(folder, 'repository')]
  const dirs = ['etc/apt/preferences.d', 'etc/apt/sources.list.d', 'etc/apt/trusted.gpg.d', 'var/lib/dpkg/info']
  const more = [
    'var/lib/dpkg/updates',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/log/apt',
    'tmp',
  ]
  for (const dir of [...dirs, ...more]) await mkdir(join(root, dir), { recursive: true })
  await mkdir(repository)
  await writeFile(join(root, 'var/lib/dpkg/status'), '')
  await writeFile(join(repository, 'Packages'), '')
  await writeFile(join(root, 'etc/apt/sources.list'), `deb [trusted=yes] copy:${repository} ./\n`)

  const publish = async (...packages: Built[]) => {
    for (const one of packages) await build(one)
  }
  const build = async ({ name, version, fields = {} }: Built) => {
    const tree = join(folder, `${name}-${version}`)
    const all = {
      Package: name,
      Version: version,
      Architecture: 'all',
      Maintainer: 'nobody <nobody@example.com>',
      ...fields,
    }
    const control = Object.entries({ ...all, Description: 'of a test' }).map(([key, value]) => `${key}: ${value}\n`)
    await mkdir(join(tree, 'DEBIAN'), { recursive: true })
    await mkdir(join(tree, 'etc'), { recursive: true })
    await writeFile(join(tree, 'etc', `${name}.conf`), 'as it came\n')
    await writeFile(join(tree, 'DEBIAN/conffiles'), `/etc/${name}.conf\n`)
    await writeFile(join(tree, 'DEBIAN/control'), control.join(''))
    const file = join(repository, `${name}_${version}.deb`)
    await run('dpkg-deb', ['--root-owner-group', '-b', tree, file])
    const sum = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
    const entry = `${control.join('')}Filename: ./${name}_${version}.deb\nSize: ${(await stat(file)).size}\nSHA256: ${sum}\n\n`
    await writeFile(join(repository, 'Packages'), entry, { flag: 'a' })
  }
  return { root, repository, publish, config: { pkg: { root } } }
}
