// Why a request is not taken: what the sender is told, and under which word it is counted.

export type Result =
  | 'stored'
  | 'repeated'
  | 'answered'
  | 'unauthorized'
  | 'forbidden'
  | 'limited'
  | 'invalid'
  | 'too_large'
  | 'unavailable'
  | 'gone'

export interface Refusal {
  status: number
  result: Result
  /** For the sender, and for the log. */
  error: string
  /** For the sender alone: it quotes what was sent. */
  quote?: string
  headers?: Readonly<Record<string, string>>
}

export const refused = (
  status: number,
  result: Result,
  error: string,
  headers?: Readonly<Record<string, string>>,
): Refusal => ({ status, result, error, ...(headers ? { headers } : {}) })

/** What was sent cannot be read; `quote` is the reader's word for it. */
export const malformed = (error: string, quote: string): Refusal => ({ ...refused(400, 'invalid', error), quote })

export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'status' in value && 'error' in value

/** `seconds` from now a request may fare better. */
export const retryAfter = (seconds: number) => ({ 'retry-after': String(Math.max(1, Math.ceil(seconds))) })
