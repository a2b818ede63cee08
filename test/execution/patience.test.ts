import { expect, it } from 'vitest'
import { createPatience } from '../../src/execution/patience.ts'
import { createGate } from '../helpers/wait.ts'

it('what does not answer is given up, and asked again when it has answered', async () => {
  const gate = createGate()
  const asked: string[] = []
  const usage = createPatience(
    async path => {
      asked.push(path)
      if (path === '/gone') await gate.passed
      return path.length
    },
    { patienceMs: 5, mostSilent: 2 },
  )
  for (let n = 0; n < 3; n++) await expect(usage('/gone')).rejects.toThrow('does not answer')
  expect(await usage('/')).toBe(1)
  gate.open()
  await gate.passed
  await new Promise(resolve => setImmediate(resolve))
  expect(await usage('/gone')).toBe(5)
  expect(asked).toEqual(['/gone', '/', '/gone'])
})

it('of all that there is to ask only so many may hang', async () => {
  let hanging = 0
  const usage = createPatience(
    () => {
      hanging++
      return new Promise<number>(() => undefined)
    },
    { patienceMs: 5, mostSilent: 2 },
  )
  for (const path of ['/a', '/b']) await expect(usage(path)).rejects.toThrow('does not answer')
  await expect(usage('/c')).rejects.toThrow('it is not looked at while others do not answer: /a, /b')
  expect(hanging).toBe(2)
})
