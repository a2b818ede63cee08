// `reactor send <tag> [json]`
import { readFileSync } from 'node:fs'
import { errorMessage, ReactorError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { type ClientOptions, openClient, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { print, printJson } from '../out/print.ts'

export const command: AddCommand = program => {
  withClientOptions(program.command('send').description('fire an event: stored, or an error'))
    .argument('<tag>', 'such as myapp/deploy/done')
    .argument('[data]', "a JSON map, or '-' to read it from standard input", '{}')
    .option('--json', 'print {tag, id, seq} as JSON')
    .addHelpText('after', '\nExample:\n  reactor send myapp/deploy/done \'{"version": "1.4.2"}\'')
    .action(async (tag: string, text: string, options: ClientOptions & { json?: boolean }) => {
      if (tag === '') throw new ReactorError('bad_event', 'the tag is empty text: write one such as myapp/deploy/done')
      const data = parseData(text === '-' ? readFileSync(0, 'utf8') : text)
      const client = await openClient(options)
      try {
        const { id, seq } = await client.fire(tag, data)
        if (options.json) printJson({ tag, id, seq })
        else print(`stored ${tag} as event ${id} (sequence ${seq})`)
      } finally {
        await client.close()
      }
    })
}

function parseData(text: string): Record<string, unknown> {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw new ReactorError(
      'bad_event',
      `the data is no JSON (${errorMessage(error)}): write a map such as '{"version": "1.4.2"}'`,
    )
  }
  if (!isObject(data)) throw new ReactorError('bad_event', `the data must be a JSON map, got ${text.slice(0, 60)}`)
  return data
}
