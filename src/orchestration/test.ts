// Steps `test`: they do nothing, and end as they are told to.
import { orchestration } from '../functions/define.ts'
import * as shared from '../functions/test-states.ts'

export const succeed_without_changes = orchestration(shared.succeed_without_changes)
export const succeed_with_changes = orchestration(shared.succeed_with_changes)
export const fail_without_changes = orchestration(shared.fail_without_changes)
export const fail_with_changes = orchestration(shared.fail_with_changes)
export const nop = orchestration(shared.nop)
export const configurable_test_state = orchestration(shared.configurable_test_state)
export const show_notification = orchestration(shared.show_notification)
