// The database servers of the tests, for benchmarks: what starts them is TypeScript, which vitest brings a reader for.
import { createViteServer } from 'vitest/node'

/** Starts those that are on this machine. `stores`: their settings and clients by name; `missing`: why others are not there. */
export async function startDatabaseServers() {
  const vite = await createViteServer({
    ...{ root: new URL('..', import.meta.url).pathname, configFile: false, appType: 'custom', logLevel: 'error' },
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
  })
  const stores = {}
  const missing = {}
  const add = async (name, found, start) => {
    if (found.yes) stores[name] = await start()
    else missing[name] = found.reason
  }
  const stop = async () => {
    for (const server of Object.values(stores)) await server.stop()
    await vite.close()
  }
  try {
    const load = file => vite.ssrLoadModule(`/test/helpers/${file}.ts`)
    const [{ hasMariadb, startMariadb }, { hasPostgres, startPostgres }, { hasRedis, startRedis }] = await Promise.all(
      ['mariadb', 'postgres', 'redis'].map(load),
    )
    await add('mysql', hasMariadb, startMariadb)
    await add('postgres', hasPostgres, startPostgres)
    await add('redis', hasRedis, startRedis)
  } catch (error) {
    await stop()
    throw error
  }
  return { stores, missing, stop }
}
