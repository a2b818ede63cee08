// How a stream says that a message which expected a sequence before it came too late: of one node at once, of a cluster also
// by a second code, while an earlier message on the subject is on its way through it.
const WRONG_LAST_SEQUENCE = new Set<unknown>([10071, 10164])

/** `code`: JetStream's own, of an error of its API or of an ack. */
export const isWrongSequence = (code: unknown): boolean => WRONG_LAST_SEQUENCE.has(code)
