// Module `smtp`: mail from a minion.
import { sendMsg } from '../alerts/smtp.ts'
import { execution } from '../functions/define.ts'

export const send_msg = execution(sendMsg)
