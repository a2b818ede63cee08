// Private inbox prefixes: nobody hears another's replies.
import { originToken, type ServiceOrigin, userOrigin } from './origin.ts'
import { escapeId } from './token.ts'

export const minionInbox = (id: string): string => `_INBOX_${escapeId(id)}`
export const operatorInbox = (name: string): string => `_INBOX_${originToken(userOrigin(name))}`
export const serviceInbox = (service: ServiceOrigin): string => `_INBOX_${service}`
