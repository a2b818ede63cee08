// Counts the attacks in a test run: each test in this folder is one, and passes where the attack was refused.
import type { Reporter, TestModule } from 'vitest/node'

export default class AttackReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules
      .filter(module => module.relativeModuleId.startsWith('test/attacks/'))
      .flatMap(module => [...module.children.allTests()])
    if (tests.length === 0) return
    const refused = tests.filter(test => test.result().state === 'passed').length
    process.stdout.write(`\n Attacks  ${tests.length} tried, ${refused} refused\n`)
  }
}
