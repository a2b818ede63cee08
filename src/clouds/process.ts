// The cloud `process`: machines that are processes of this computer, with a minion each. It needs no account anywhere.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { errorMessage, ReactorError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { processStart } from '../base/process-start.ts'
import { createTurns } from '../base/turns.ts'
import { VERSION } from '../base/version.ts'
import { type CloudInstance, cloud } from '../functions/define-cloud.ts'
import { endMachine, isThere } from './process/end.ts'
import {
  lastWords,
  machineFolders,
  makeMachineFolder,
  readBorn,
  readRunning,
  removeLeftovers,
  removeMachineFolder,
} from './process/folder.ts'
import { startMachine } from './process/start.ts'

const HOST = '127.0.0.1'

export default cloud({
  doc: `Machines that are processes of the computer of the job worker: a minion each, kept running by a process of its own that
    outlives the worker. For trying rules on created and destroyed, and for tests.
    Example:
    cloud:
      providers: { local: { driver: process } }
      profiles: { small: { provider: local, size: 96, minion: { grains: { role: web } } } }`,
  options: z.strictObject({
    most: z.int().min(1).max(1000).default(20).describe('machines that there may be at once'),
  }),
  profile: z.strictObject({
    size: z.int().min(32).max(65_536).default(128).describe('MiB that JavaScript of the minion may use'),
  }),
  pollMs: 100,
  async open({ most }, { dir, log }) {
    if (processStart(process.pid) === '')
      throw new ReactorError(
        'bad_config',
        'the cloud driver process needs a system that tells when a process started (Linux, with /proc)',
      )
    await removeLeftovers(dir).catch(error => log.warn({ error: errorMessage(error) }, 'old folders cannot be removed'))

    const oneByOne = createTurns(1)
    const folderOf = (name: string) => join(dir, name)

    const instanceIn = async (
      folder: string,
    ): Promise<(CloudInstance & { token: string; port?: number }) | undefined> => {
      const born = await readBorn(folder)
      if (!born) return undefined
      const running = await readRunning(folder)
      const { id, name, token, size, image, created } = born
      const { port, public_key, minion, pid } = running ?? {}
      const lives = running !== undefined && isThere(running)
      const state = lives ? (port === undefined ? 'pending' : 'running') : 'stopped'
      return {
        ...{ id, name, state, image, size: String(size), token },
        private_ips: lives && port !== undefined ? [HOST] : [],
        public_ips: [],
        ...(port === undefined ? {} : { port }),
        ...(public_key === undefined ? {} : { public_key }),
        extra: { created, ...(lives ? { pid, minion_pid: minion?.pid ?? null } : {}) },
      }
    }
    const all = async () => {
      const found = await Promise.all((await machineFolders(dir)).map(instanceIn))
      return found.filter(instance => instance !== undefined)
    }
    const byId = async (id: string) => (await all()).find(instance => instance.id === id)
    const shown = ({ token: _token, port: _port, ...instance }: NonNullable<Awaited<ReturnType<typeof byId>>>) =>
      instance

    const ask = async (name: string, method: string, path: string, signal: AbortSignal, body?: unknown) => {
      const instance = await instanceIn(folderOf(name))
      // Where it has ended its port may be another's, who is not to have its token.
      if (instance?.port === undefined || instance.state !== 'running')
        throw new ReactorError('unreachable', 'the machine answers nowhere')
      return fetch(`http://${HOST}:${instance.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${instance.token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      })
    }

    return {
      list: async () => (await all()).map(shown),
      async request({ name, profile }, signal) {
        const id = `process-${randomBytes(6).toString('hex')}`
        const token = randomBytes(24).toString('base64url')
        const born = {
          id,
          name,
          token,
          size: profile.size,
          image: `reactor-${VERSION}`,
          created: new Date().toISOString(),
        }
        const folder = await oneByOne(async () => {
          const there = (await all()).length
          if (there < most) return makeMachineFolder(dir, born)
          throw new ReactorError(
            'function_failed',
            `there are ${there} machines already, and most of the provider is ${most}`,
          )
        })
        try {
          await startMachine(folder, id, signal)
        } catch (error) {
          await removeMachineFolder(folder, dir, id)
          throw error
        }
        return { id }
      },
      async query(id) {
        const found = await byId(id)
        return found && shown(found)
      },
      async answers({ name, id }, signal) {
        const response = await ask(name, 'GET', '/', signal).catch(() => undefined)
        const said: unknown = response?.ok ? await response.json() : undefined
        return isObject(said) && said.id === id
      },
      async deploy({ name }, { config }, signal) {
        const response = await ask(name, 'PUT', '/minion', signal, config)
        const said: unknown = await response.json()
        // As it stands in its folder, where nobody else writes.
        const { public_key } = (await readRunning(folderOf(name))) ?? {}
        if (response.ok && public_key !== undefined) return { public_key }
        const why = isObject(said) && typeof said.error === 'string' ? said.error : `status ${response.status}`
        throw new ReactorError(
          'function_failed',
          `the machine did not take its minion: ${why} ${await lastWords(folderOf(name))}`,
        )
      },
      async destroy({ name, id }, signal) {
        const folder = folderOf(name)
        if ((await readBorn(folder))?.id !== id) return
        await endMachine(folder, id, signal)
        await removeMachineFolder(folder, dir, id)
      },
    }
  },
})
