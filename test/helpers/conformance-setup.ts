// Of every test file: a test fails where events were stored that are not as src/protocol/catalogue declares them.
import { afterAll, afterEach } from 'vitest'

/** Filled by conformance.ts. */
export const problems: string[] = []

const check = () => {
  if (problems.length > 0)
    throw new Error(`stored events are not as the catalogue has them:\n  ${problems.splice(0).join('\n  ')}`)
}
afterEach(check)
// What came after the last test, while things stopped.
afterAll(check)
