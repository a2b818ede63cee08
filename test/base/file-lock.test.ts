import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { lockFile, userOf } from '../../src/base/file-lock.ts'
import { testFolder } from '../helpers/folder.ts'
import { within } from '../helpers/wait.ts'

it('a lock names its process from the first moment on, so that nobody takes it for one of a process that is gone', async () => {
  const file = join(await testFolder(), 'file')
  const looks = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const { readFileSync } = require('node:fs')
     let on = true
     const seen = new Set()
     const look = () => {
       for (let n = 0; n < 2000; n++) try { seen.add(readFileSync(workerData, 'utf8')) } catch {}
       if (on) setImmediate(look)
       else parentPort.postMessage([...seen])
     }
     parentPort.on('message', () => { on = false })
     parentPort.postMessage('ready')
     look()`,
    { eval: true, workerData: `${file}.lock` },
  )
  onTestFinished(async () => void (await looks.terminate()))
  const message = () => within(new Promise<unknown>(done => looks.once('message', done)), 'word of the worker')
  await message()
  for (let n = 0; n < 5000; n++) lockFile(file)()
  const seen = message()
  looks.postMessage('stop')
  expect(await seen).toEqual([expect.stringMatching(new RegExp(`^${process.pid} `))])
})

it('tells who uses a file', async () => {
  const file = join(await testFolder(), 'file')
  expect(userOf(file)).toBeUndefined()
  const unlock = lockFile(file)
  expect(userOf(file)).toBe(process.pid)
  unlock()
  expect(userOf(file)).toBeUndefined()
})
