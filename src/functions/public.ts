// What a user's own module imports: `import { execution, z } from 'reactor'`.
export { z } from 'zod'
export { ReactorError } from '../base/errors.ts'
export type { CallContext } from './context.ts'
export { execution, orchestration, runner, state, wheel } from './define.ts'
export {
  type BeaconContext,
  type BeaconDefinition,
  beacon,
  type Observation,
  type OpenBeacon,
  type Telling,
} from './define-beacon.ts'
export {
  type CloudContext,
  type CloudDefinition,
  type CloudInstance,
  type CloudMinion,
  cloud,
  type OpenCloud,
} from './define-cloud.ts'
export { type EventOfFact, type FactDefinition, fact } from './define-fact.ts'
export {
  type ReturnerContext,
  type ReturnerDefinition,
  type ReturnerStore,
  refused,
  returner,
} from './define-returner.ts'
export {
  address,
  commandLine,
  environment,
  filePath,
  fixed,
  functionName,
  type Guard,
  minionId,
  namedValues,
  program,
  target,
} from './guards.ts'
export type { ExecutionContext } from './minion-context.ts'
export type { RunnerContext } from './runner-context.ts'
export type { OrchestrationContext, StateContext, StateReturn } from './state-context.ts'
export type { WheelContext } from './wheel-context.ts'
