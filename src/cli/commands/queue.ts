// `reactor queue list|length|items|insert|pop|delete|process|dead|retry`
import { type Command, Option } from 'commander'
import { type DeadItem, QUEUE_BACKENDS, type QueueProcess } from '../../protocol/queue.ts'
import { wholeNumber } from '../call/request.ts'
import { type Client, type ClientOptions, withClientOptions } from '../client.ts'
import type { AddCommand } from '../command.ts'
import { table, tableLook } from '../jobs/table.ts'
import { print, printJson } from '../out/print.ts'
import { itemText, readItems, readQuantity } from '../queue/items.ts'
import { askWorker } from '../rules/ask-worker.ts'
import { withClient } from '../with-client.ts'

type Options = ClientOptions & { backend?: string; json?: boolean }

export const command: AddCommand = program => {
  const queue = program
    .command('queue')
    .description('queues of items: list, length, items, insert, pop, delete, process, dead, retry')
    .addHelpText(
      'after',
      '\nAn item is a text, a number, true, false or a map, and is in a queue once; a list is several items.' +
        '\nprocess fires items as salt/queue/QUEUE/process, so that a rule handles them.' +
        '\nExit codes: 0; 1 it is refused, 64 a wrong command line; 69 no job worker, or the store is away; 77 you may not.',
    )
  addLooking(queue)
  addChanging(queue)
  addTaking(queue)
}

const sub = (queue: Command, name: string, what: string, json: string): Command =>
  withClientOptions(queue.command(name).description(what))
    .addOption(new Option('--backend <name>', 'where it is kept (default: as the config says)').choices(QUEUE_BACKENDS))
    .option('--json', `print ${json} as JSON`)

function addLooking(queue: Command): void {
  sub(queue, 'list', 'the queues, with how many items each has', '[{queue, length}]').action((options: Options) =>
    withClient(options, async client => {
      const names = await ask<string[]>(client, 'list_queues', options, {})
      const rows: { queue: string; length: number }[] = []
      for (const name of names) rows.push({ queue: name, length: await lengthOf(client, name, options) })
      if (options.json) return printJson(rows)
      if (rows.length === 0) return void process.stderr.write('no queues\n')
      const cells = rows.map(({ queue, length }) => [queue, String(length)])
      print(table(['QUEUE', 'ITEMS'], cells, tableLook()).join('\n'))
    }),
  )
  sub(queue, 'length', 'how many items a queue has', 'the number')
    .argument('<queue>')
    .action((name: string, options: Options) =>
      withClient(options, async client => print(String(await lengthOf(client, name, options)))),
    )
  sub(queue, 'items', 'the items of a queue, oldest first', 'a list')
    .argument('<queue>')
    .option('--limit <n>', 'only so many, the oldest', wholeNumber)
    .action((name: string, { limit, ...options }: Options & { limit?: number }) =>
      showItems(options, 'list_items', { queue: name, ...(limit === undefined ? {} : { limit }) }),
    )
}

function addChanging(queue: Command): void {
  sub(queue, 'insert', 'add items to a queue', 'what the function returns')
    .argument('<queue>')
    .argument('<items...>', 'items, each a word; or a list')
    .option('--delay <duration>', 'do not give them out before, such as 30s')
    .action((name: string, words: string[], { delay, ...options }: Options & { delay?: string }) =>
      withClient(options, async client => {
        const given = { queue: name, items: await readItems(words), ...(delay === undefined ? {} : { delay }) }
        const answer = await ask<true | string>(client, 'insert', options, given)
        if (options.json) printJson(answer)
        else if (answer !== true) print(answer)
      }),
    )
  sub(queue, 'delete', 'remove items from a queue', 'what the function returns')
    .argument('<queue>')
    .argument('<items...>', 'items, each a word; or a list')
    .action((name: string, words: string[], options: Options) =>
      withClient(options, async client => {
        const answer = await ask(client, 'delete', options, { queue: name, items: await readItems(words) })
        if (options.json) printJson(answer)
      }),
    )
}

function addTaking(queue: Command): void {
  sub(queue, 'pop', 'take the oldest items from a queue', 'a list')
    .argument('<queue>')
    .argument('[quantity]', "how many, or 'all'", '1')
    .action((name: string, quantity: string, options: Options) =>
      showItems(options, 'pop', { queue: name, quantity: readQuantity(quantity) }),
    )
  sub(queue, 'process', 'hand the oldest items of a queue to the rules', '{items, backend, queue}')
    .argument('<queue>')
    .argument('[quantity]', "how many, or 'all'", '1')
    .action((name: string, quantity: string, options: Options) =>
      withClient(options, async client => {
        const given = { queue: name, quantity: readQuantity(quantity) }
        const fired = await ask<QueueProcess>(client, 'process_queue', options, given)
        if (options.json) return printJson(fired)
        printItems(fired.items)
      }),
    )
  sub(queue, 'dead', 'items that were given out too often and never finished', '[{item, tries}]')
    .argument('<queue>')
    .action((name: string, options: Options) =>
      withClient(options, async client => {
        const dead = await ask<DeadItem[]>(client, 'list_dead', options, { queue: name })
        if (options.json) return printJson(dead)
        printItems(dead.map(({ item }) => item))
      }),
    )
  sub(queue, 'retry', 'have dead items wait again', 'how many there were')
    .argument('<queue>')
    .argument('[items...]', 'only these')
    .action((name: string, words: string[], options: Options) =>
      withClient(options, async client => {
        const items = words.length > 0 ? { items: await readItems(words) } : {}
        print(String(await ask<number>(client, 'retry_dead', options, { queue: name, ...items })))
      }),
    )
}

const ask = <T>(client: Client, fun: string, { backend }: Options, kwarg: Record<string, unknown>): Promise<T> =>
  askWorker<T>(client, `queue.${fun}`, { ...kwarg, ...(backend ? { backend } : {}) })

const lengthOf = (client: Client, queue: string, options: Options): Promise<number> =>
  ask<number>(client, 'list_length', options, { queue })

const showItems = (options: Options, fun: string, kwarg: Record<string, unknown>): Promise<void> =>
  withClient(options, async client => {
    const items = await ask<unknown[]>(client, fun, options, kwarg)
    if (options.json) printJson(items)
    else printItems(items)
  })

function printItems(items: readonly unknown[]): void {
  if (items.length === 0) process.stderr.write('no items\n')
  else print(items.map(itemText).join('\n'))
}
