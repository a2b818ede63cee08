// Makes a checkout ready: dependencies, build, the `reactor` command, a nats-server. What is in order is left alone, so
// that it costs next to nothing when there is nothing to do. With arguments it then becomes the CLI with those arguments.
// stdout belongs to the CLI: all that is said here goes to stderr.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const at = (...parts) => join(root, ...parts)
const say = line => process.stderr.write(`setup: ${line}\n`)

class SetupError extends Error {}

async function main(args) {
  checkNode()
  if (needsInstall() || needsBuild()) {
    await withLock(() => {
      // Whoever held the lock before may have done it all.
      if (needsInstall()) installDependencies()
      if (needsBuild()) build()
    })
  }
  linkCommand()
  // A server elsewhere was named, so none is needed here.
  if (!args.some(arg => arg === '--nats' || arg.startsWith('--nats='))) await haveServer()
  if (args.length === 0) return
  const cli = at('dist', 'cli', 'main.js')
  process.argv = [process.execPath, cli, ...args]
  await import(pathToFileURL(cli).href)
}

function checkNode() {
  const wanted = JSON.parse(readFileSync(at('package.json'), 'utf8')).engines.node.replace(/^>=/, '')
  const [major, minor = 0] = wanted.split('.').map(Number)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return
  throw new SetupError(
    `this is Node ${process.versions.node}, but ${wanted} or newer is needed: install it and try again`,
  )
}

// Compared by content, not by age: `npm ci` empties node_modules under everything that runs from it.
function needsInstall() {
  const wanted = readJson(at('package-lock.json'))
  if (wanted === undefined)
    throw new SetupError(`package-lock.json is missing or damaged in ${root}: restore it from git`)
  const installed = readJson(at('node_modules', '.package-lock.json'))
  if (installed === undefined) return true
  return Object.entries(wanted.packages).some(([path, { version, integrity, optional }]) => {
    if (!path.startsWith('node_modules/')) return false
    const there = installed.packages[path]
    if (there === undefined) return !optional // an optional one may be for another platform
    return there.version !== version || there.integrity !== integrity
  })
}

function installDependencies() {
  say('installing dependencies…')
  const npm = process.env.npm_execpath
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--dry-run=false', '--loglevel=error']
  // It may as well be pnpm or yarn that runs us, which have no `ci` that reads this lock file.
  const own = npm && basename(npm) === 'npm-cli.js'
  const done = own ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (done.failure === undefined) return
  // Past its reason npm may print its whole manual.
  process.stderr.write(`${done.output.split('\n').slice(0, 20).join('\n').trimEnd()}\n`)
  throw new SetupError(`the dependencies could not be installed: npm ci ${done.failure}`)
}

const BUILD_INFO = at('dist', '.tsbuildinfo')

function needsBuild() {
  const built = mtime(BUILD_INFO)
  if (built === undefined || [at('tsconfig.json'), ...sources()].some(file => mtime(file) > built)) return true
  return missingOutputs().length > 0 || orphans().length > 0
}

function build() {
  say('building…')
  // tsc writes only what has changed by its own records: what was deleted by hand comes back only without them.
  if (missingOutputs().length > 0) rmSync(BUILD_INFO, { force: true })
  // An output without a source would still be loaded: every file in modules/ is a module.
  for (const file of orphans()) rmSync(file, { force: true })
  const started = new Date()
  const done = run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root])
  if (done.failure !== undefined) {
    // Outputs and records are written in spite of type errors, and must not pass for a finished build next time.
    if (mtime(BUILD_INFO) !== undefined) utimesSync(BUILD_INFO, 0, 0)
    process.stderr.write(done.output)
    throw new SetupError(
      `the build failed: ${done.output.split('\n').find(line => line.includes('error')) ?? done.failure}`,
    )
  }
  // The start, not the end: a file that was saved while tsc ran is newer then. tsc leaves the age alone if nothing changed.
  utimesSync(BUILD_INFO, started, started)
}

const OUTPUT = /\.(js|js\.map|d\.ts|d\.ts\.map)$/
const sources = () => filesUnder(at('src')).filter(file => /\.ts$/.test(file) && !/\.d\.ts$/.test(file))
const outputOf = source => at('dist', source.slice(at('src').length).replace(/\.ts$/, '.js'))
const missingOutputs = () => sources().filter(source => mtime(outputOf(source)) === undefined)

function orphans() {
  const wanted = new Set(sources().map(source => outputOf(source).replace(OUTPUT, '')))
  return filesUnder(at('dist')).filter(file => OUTPUT.test(file) && !wanted.has(file.replace(OUTPUT, '')))
}

function filesUnder(dir) {
  let entries = []
  try {
    entries = readdirSync(dir, { withFileTypes: true })
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
  return entries.flatMap(entry => (entry.isDirectory() ? filesUnder(join(dir, entry.name)) : [join(dir, entry.name)]))
}

function linkCommand() {
  const command = at('dist', 'cli', 'main.js')
  const stats = statSync(command, { throwIfNoEntry: false })
  if (stats === undefined) return
  if ((stats.mode & 0o111) !== 0o111) chmodSync(command, 0o755)
  const link = at('node_modules', '.bin', 'reactor')
  const target = join('..', '..', 'dist', 'cli', 'main.js')
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === target) return
  mkdirSync(at('node_modules', '.bin'), { recursive: true })
  const aside = `${link}.${process.pid}`
  symlinkSync(target, aside)
  renameSync(aside, link)
}

async function haveServer() {
  const { findServer } = await import(pathToFileURL(at('dist', 'bus', 'server', 'find.js')).href)
  await findServer({ say })
}

const LOCK_WAIT_MS = 600_000

// One set-up at a time in a checkout. The lock is a file that names its holder; it is made whole by a link, and one whose
// holder is gone is taken away by a rename, which only one of several can win.
async function withLock(work) {
  mkdirSync(at('dist'), { recursive: true })
  const lock = at('dist', '.setup-lock')
  const mine = `${lock}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    const deadline = Date.now() + LOCK_WAIT_MS
    for (let said = false; !tryLink(mine, lock); ) {
      const holder = readHolder(lock)
      if (holder === undefined) continue
      if (!exists(holder)) takeAway(lock, holder)
      else if (Date.now() > deadline) {
        throw new SetupError(`another set-up of this checkout (pid ${holder}) does not end: stop it, or remove ${lock}`)
      } else {
        if (!said) say(`waiting for another set-up of this checkout (pid ${holder})…`)
        said = true
        await delay(100)
      }
    }
    try {
      await work()
    } finally {
      rmSync(lock, { force: true })
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function tryLink(from, to) {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function readHolder(lock) {
  try {
    return Number(readFileSync(lock, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function takeAway(lock, holder) {
  const aside = `${lock}.${process.pid}.stale`
  try {
    renameSync(lock, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  // Somebody else was quicker and this is already the lock of the next holder: give it back.
  if (readHolder(aside) !== holder) tryLink(aside, lock)
  rmSync(aside, { force: true })
}

function exists(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function run(file, args) {
  const done = spawnSync(file, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}`
  if (done.error) return { output, failure: `could not be run (${done.error.message})` }
  if (done.signal) return { output, failure: `was ended by ${done.signal}` }
  return { output, failure: done.status === 0 ? undefined : `ended with exit code ${done.status}` }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

const mtime = file => statSync(file, { throwIfNoEntry: false })?.mtimeMs

try {
  await main(process.argv.slice(2))
} catch (error) {
  // A defect keeps its stack; what is expected to go wrong is one sentence.
  const expected = error instanceof SetupError || error?.name === 'ReactorError' || typeof error?.code === 'string'
  say(expected ? error.message : (error?.stack ?? String(error)))
  process.exit(1)
}
