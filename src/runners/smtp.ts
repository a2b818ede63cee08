// Runner `smtp`: mail from a job worker.
import { sendMsg } from '../alerts/smtp.ts'
import { runner } from '../functions/define.ts'

export const send_msg = runner(sendMsg)
