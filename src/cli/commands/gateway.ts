// `reactor gateway`
import { startGateway } from '../../processes/gateway.ts'
import type { AddCommand } from '../command.ts'
import { type DaemonOptions, daemonConfig, parsePort, runDaemon, withDaemonOptions } from '../daemon.ts'

interface Options extends DaemonOptions {
  host?: string
  port?: number
}

export const command: AddCommand = program => {
  withDaemonOptions(
    program.command('gateway').description('run a gateway: takes webhooks by HTTP and stores them as events'),
  )
    .option('--host <address>', 'address that webhooks are taken on (default: 127.0.0.1)')
    .option('--port <n>', 'port that webhooks are taken on; 0: any free one (default: 8000)', parsePort)
    .action(async (options: Options) => {
      const config = await daemonConfig(options, { gateway: { host: options.host, port: options.port } })
      await runDaemon('gateway', config, async log => {
        const running = await startGateway(config, log)
        const facts = { webhooks: running.url, hooks: running.hooks }
        log.info(facts, 'webhooks are taken')
        return Object.assign(running, { facts })
      })
    })
}
