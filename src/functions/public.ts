// What a user's own module imports: `import { execution, z } from 'reactor'`.
export { z } from 'zod'
export { ReactorError } from '../base/errors.ts'
export type { CallContext, ExecutionContext, ReturnerContext, RunnerContext, WheelContext } from './context.ts'
export { execution, returner, runner, wheel } from './define.ts'
