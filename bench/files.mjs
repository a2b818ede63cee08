// A file of the master's to 20 minions at once, from a real master: asked for, hashed, written, synced and renamed. Beside it
// as many connections that ask a responder, which has the bytes in memory, for the same chunks and drop them. The copies are in
// memory where the system has such a folder: twenty minions have twenty disks, and here they would wait for one.
import { randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createStack } from '../dist/base/service.js'
import { compare } from './measure.mjs'
import { startProcess, startScript } from './stage.mjs'

export const title = 'a file of file_roots → copies on minions (raw: the same chunks by request and reply, dropped)'

const MINIONS = 20
const MB = 1_000_000
const MEMORY = '/dev/shm'

export async function run(stage, { runs, quick }) {
  const stack = createStack()
  try {
    const megabytes = quick ? 20 : 100
    const root = join(stage.dir, 'files-root')
    await mkdir(root, { recursive: true })
    await writeRandom(join(root, 'big.bin'), megabytes)
    stack.add(await startProcess(stage, 'files', ['master'], { file_roots: { base: [root] } }))
    const copies = await mkdtemp(join(await access(MEMORY).then(() => MEMORY, () => stage.dir), 'reactor-bench-files-'))
    stack.defer(() => rm(copies, { recursive: true, force: true }))
    const script = (role, namespace) =>
      startScript('file-clients.mjs', [role, stage.url, namespace, copies, `${MINIONS}`, `${megabytes * MB}`])
    stack.add(await script('answer', 'filesraw'))
    const raw = stack.add(await script('raw', 'filesraw'))
    const real = stack.add(await script('real', 'files'))
    const speed = async clients => (MINIONS * megabytes * 1000) / (await clients.ask('fetch')).ms
    return [
      await compare({
        name: `${megabytes} MB to ${MINIONS} minions`,
        unit: 'MB/s',
        aim: { of: 'ratio', atLeast: 0.7 },
        runs: Math.min(runs, 3),
        raw: () => speed(raw),
        real: () => speed(real),
      }),
    ]
  } finally {
    await stack.stop()
  }
}

async function writeRandom(path, megabytes) {
  const file = await open(path, 'w')
  for (let n = 0; n < megabytes; n++) await file.write(randomBytes(MB))
  await file.close()
}
