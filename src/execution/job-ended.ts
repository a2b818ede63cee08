// The reason of an abort by which a job is ended.

/** The process groups of the job have had its signal when the abort is seen. */
export class JobEnded extends Error {
  override readonly name = 'JobEnded'
}
