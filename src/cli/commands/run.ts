// `reactor run <runner.fun> [args…]`
import { serviceCommand } from '../call-service.ts'

export const command = serviceCommand({
  name: 'run',
  kind: 'runner',
  description: 'run a runner function on a job worker',
  example: "reactor run http.query https://example.com/hook method=POST json='{text: hello}'",
})
