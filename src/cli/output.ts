// What commands print: for people on a terminal, or JSON for programs.
import { terminalLook } from '../tail/terminal.ts'
import { nested } from './nested.ts'

export const print = (line: string): void => void process.stdout.write(`${line}\n`)
export const printJson = (value: unknown): void => print(JSON.stringify(value))
export const printNested = (value: unknown): void => print(nested(value, { colour: terminalLook().colour }).join('\n'))
