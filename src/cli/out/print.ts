// Lines on stdout: for people on a terminal, or JSON for programs.

export const print = (line: string): void => void process.stdout.write(`${line}\n`)
export const printJson = (value: unknown): void => print(JSON.stringify(value))
