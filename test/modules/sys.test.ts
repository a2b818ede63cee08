import { describe, expect, it } from 'vitest'
import { loadFunctions } from '../../src/functions/load.ts'
import { caller } from './call.ts'

describe('module sys', () => {
  it.each(['execution', 'runner', 'wheel'] as const)('helps with %s functions', async kind => {
    const { call } = caller(kind)
    expect(await call('sys.list_modules')).toContain('sys')
    const ofStates = ['sys.list_state_functions', 'sys.list_state_modules', 'sys.state_doc']
    const own = ['sys.doc', 'sys.list_functions', 'sys.list_modules', ...(kind === 'execution' ? ofStates : [])]
    expect(await call('sys.list_functions', ['sys'])).toEqual(own)
    expect(await call('sys.list_functions')).toContain('sys.doc')
    expect(Object.keys((await call('sys.doc', ['sys'])) as object)).toEqual(own)
    await expect(call('sys.doc', ['syss'])).rejects.toThrow("no module or function 'syss' here. Did you mean 'sys'?")
  })

  it('shows how a function is called', async () => {
    const docs = (await caller('execution').call('sys.doc', ['cmd.run'])) as Record<string, string>
    expect(Object.keys(docs)).toEqual(['cmd.run'])
    expect(docs['cmd.run']).toMatch(/^cmd\.run <cmd> .*\n\n {4}Runs a command[\s\S]*Example: reactor call/)
  })

  it('helps with the states of a minion', async () => {
    const states = await loadFunctions('state')
    const { call } = caller('execution', { states: { docs: () => states.docs() } as never })
    expect(await call('sys.list_state_modules')).toContain('file')
    expect(await call('sys.list_state_functions', ['group'])).toEqual(['group.absent', 'group.present'])
    const docs = (await call('sys.state_doc')) as Record<string, string>
    for (const [name, text] of Object.entries(docs)) expect(text.split('Example:\n')[1], name).toContain(name)
    await expect(call('sys.state_doc', ['file.manged'])).rejects.toThrow("Did you mean 'file.managed'?")
  })

  it('has help with an example for every function', async () => {
    for (const kind of ['execution', 'runner', 'wheel'] as const) {
      const docs = (await caller(kind).call('sys.doc')) as Record<string, string>
      for (const [name, text] of Object.entries(docs)) expect(text, name).toContain('Example: ')
    }
  })
})
