// What a function of a minion meets that runs without a server.
import { ReactorError } from '../base/errors.ts'

/** Throws `unreachable`. */
export const away = () => Promise.reject(new ReactorError('unreachable', 'it runs without a server (--local)'))
