// `reactor wheel <fun> [args…]`
import { serviceCommand } from '../call-service.ts'

export const command = serviceCommand({
  name: 'wheel',
  kind: 'wheel',
  description: "run a wheel function on the master's own state",
  example: 'reactor wheel minions.connected',
})
