// The one error class of the project and the one table of its codes; docs/errors.md is held against this table.

export interface ErrorCode {
  /** Status answered to a NATS request (`Nats-Service-Error-Code`), with HTTP's meanings. */
  status: number
  /** Exit code of a CLI command that ends with this error. */
  exit: number
  /** What it means, one sentence. */
  doc: string
}

const table = {
  usage: {
    status: 400,
    exit: 64,
    doc: 'The command line is wrong: an unknown option, a missing or malformed argument.',
  },
  bad_argument: { status: 400, exit: 1, doc: 'Arguments do not fit the function they were given to.' },
  unknown_function: { status: 404, exit: 1, doc: 'No function of that name is loaded where it was called.' },
  bad_module: { status: 500, exit: 78, doc: 'A module file does not load: a bad export, a duplicate, a syntax error.' },
  function_failed: { status: 500, exit: 1, doc: 'The function ran and failed.' },
  no_minions: { status: 404, exit: 2, doc: 'The target matches no minion.' },
  jid_taken: { status: 409, exit: 1, doc: 'Another job has this jid already.' },
  outcome_unknown: {
    status: 409,
    exit: 1,
    doc: 'The work was started before, by a process that died; whether it was done is not known.',
  },
  stopped: { status: 503, exit: 1, doc: 'The process that ran it was stopped before it was done.' },
  forbidden: { status: 403, exit: 77, doc: 'The caller may not do this.' },
  bad_rule: { status: 400, exit: 1, doc: 'A rule file does not load.' },
  bad_config: { status: 500, exit: 78, doc: 'The configuration is wrong.' },
  bad_event: { status: 400, exit: 65, doc: 'An event, a tag or a subject is malformed or too large.' },
  template: { status: 500, exit: 1, doc: 'A template cannot be rendered on this event.' },
  store_refused: { status: 507, exit: 74, doc: 'A store refused an event or a return: it is full or not reachable.' },
  unreachable: {
    status: 503,
    exit: 69,
    doc: 'The NATS server, the service asked, or what it needs for that, cannot be reached.',
  },
  timeout: { status: 408, exit: 75, doc: 'No answer came within the time limit.' },
  server_version: { status: 500, exit: 69, doc: 'The nats-server is too old for what the project needs.' },
  server_missing: { status: 500, exit: 69, doc: 'No usable nats-server was found, and none could be fetched.' },
  port_in_use: { status: 500, exit: 69, doc: 'The port is taken by another process.' },
  unwritable: { status: 500, exit: 73, doc: 'A folder or file cannot be written.' },
  unreadable: { status: 500, exit: 66, doc: 'A file cannot be read: it is damaged, or of a newer version.' },
  not_found: { status: 404, exit: 1, doc: 'What was asked for is not there, or not any more.' },
  record_refused: { status: 422, exit: 65, doc: 'A store of job results can never take this record.' },
  damaged_payload: { status: 500, exit: 65, doc: 'A value larger than a message is not what its sender said of it.' },
  child_died: { status: 500, exit: 70, doc: 'A child process ended before it was ready.' },
  internal: { status: 500, exit: 70, doc: 'A defect of the program itself.' },
} as const satisfies Record<string, ErrorCode>

export type Code = keyof typeof table
export const ERROR_CODES: Readonly<Record<Code, ErrorCode>> = table

export class ReactorError extends Error {
  override readonly name = 'ReactorError'
  readonly code: Code
  readonly details: Record<string, unknown>

  constructor(code: Code, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }
}

/** Anything thrown, as a ReactorError: what is not one already is a defect and keeps its stack as cause. */
export function asReactorError(thrown: unknown): ReactorError {
  if (thrown instanceof ReactorError) return thrown
  return new ReactorError('internal', errorMessage(thrown), {}, thrown)
}

/** One line that says what went wrong, for anything that can be thrown. */
export function errorMessage(thrown: unknown): string {
  if (thrown instanceof AggregateError && !thrown.message) return thrown.errors.map(errorMessage).join('; ')
  if (thrown instanceof Error) return thrown.message || thrown.name
  return String(thrown)
}
