import { describe, expect, it } from 'vitest'
import { caller } from './call.ts'

describe('module sys', () => {
  it.each(['execution', 'runner', 'wheel'] as const)('helps with %s functions', async kind => {
    const { call } = caller(kind)
    expect(await call('sys.list_modules')).toContain('sys')
    expect(await call('sys.list_functions', ['sys'])).toEqual(['sys.doc', 'sys.list_functions', 'sys.list_modules'])
    expect(await call('sys.list_functions')).toContain('sys.doc')
    expect(Object.keys((await call('sys.doc', ['sys'])) as object)).toHaveLength(3)
    await expect(call('sys.doc', ['syss'])).rejects.toThrow("no module or function 'syss' here. Did you mean 'sys'?")
  })

  it('shows how a function is called', async () => {
    const docs = (await caller('execution').call('sys.doc', ['cmd.run'])) as Record<string, string>
    expect(Object.keys(docs)).toEqual(['cmd.run'])
    expect(docs['cmd.run']).toMatch(/^cmd\.run <cmd> .*\n\n {4}Runs a command[\s\S]*Example: reactor call/)
  })

  it('has help with an example for every function', async () => {
    for (const kind of ['execution', 'runner', 'wheel'] as const) {
      const docs = (await caller(kind).call('sys.doc')) as Record<string, string>
      for (const [name, text] of Object.entries(docs)) expect(text, name).toContain('Example: ')
    }
  })
})
