import { describe, expect, it } from 'vitest'
import { loadProblem } from '../../src/functions/load.ts'

describe('a file that cannot be imported', () => {
  it('is told with the reason', () => {
    const problem = loadProblem('/m/rack.mjs', new SyntaxError('Unexpected end of input'))
    expect(problem).toMatchObject({ code: 'bad_module', message: '/m/rack.mjs does not load: Unexpected end of input' })
  })

  it('is told with what to do where this Node reads no TypeScript', () => {
    const error = Object.assign(new TypeError('Unknown file extension ".ts"'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' })
    expect(loadProblem('/m/rack.ts', error).message).toMatch(
      /^\/m\/rack\.ts does not load: Node [\d.]+ reads no TypeScript: write it as \.mjs, or take Node 22\.18 or newer$/,
    )
  })
})
