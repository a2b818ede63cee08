// Steps of an orchestration: states and functions on minions, runner functions, wheel functions, waiting for events. With the
// arguments, results and words of Salt's states of that name.
export {
  parallelRunnersStep as parallel_runners,
  runnerStep as runner,
  wheelStep as wheel,
} from '../state/steps/functions.ts'
export { functionStep as function, stateStep as state } from '../state/steps/on-minions.ts'
export { waitForEventStep as wait_for_event } from '../state/steps/wait-for-event.ts'
