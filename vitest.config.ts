import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { DEADLINE_MS } from './test/helpers/wait.ts'

export default defineConfig({
  // A user's module says `import … from 'reactor'`; under test that is the source, as in a checkout it is the build.
  resolve: { alias: { reactor: fileURLToPath(new URL('./src/functions/public.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/helpers/conformance-setup.ts'],
    server: { deps: { inline: [/reactor-modules-/] } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: DEADLINE_MS } },
    maxWorkers: 2,
    reporters: ['default', './test/attacks/reporter.ts'],
  },
})
