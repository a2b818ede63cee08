// What functions may do with the schedule of the process that they run in, with Salt's answers.

/** Salt's answer to a change. A failed one is a failed job. */
export interface ScheduleAnswer {
  result: boolean
  comment: string | string[]
  changes?: Record<string, unknown>
}

/** Whose entries are meant: `opts` those of the config and of calls, `pillar` those of the pillar. */
type Where = string | null | undefined

export interface ScheduleChange {
  /** False: until the process ends. */
  persist?: boolean
  /** Only say what would be done. */
  test?: boolean
  where?: Where
}

export interface ScheduleOperations {
  /** A YAML text, or the map that it is of. Throws `bad_argument`. */
  list(options?: {
    show_disabled?: boolean
    where?: Where
    return_yaml?: boolean
    /** Only what is kept over restarts. */
    offline?: boolean
  }): string | Record<string, unknown>
  /** Of the whole schedule, or the entry; an empty map where there is none. */
  is_enabled(name?: string): boolean | Record<string, unknown>
  /** As it would be kept. Throws `bad_argument`. */
  build_schedule_item(name: string, given: unknown): Record<string, unknown>
  add(name: string, given: unknown, options?: ScheduleChange): Promise<ScheduleAnswer>
  /** With `whole` what is not given goes, too. */
  modify(
    name: string,
    given: Record<string, unknown>,
    options?: ScheduleChange & { whole?: boolean },
  ): Promise<ScheduleAnswer>
  delete(name: string, options?: ScheduleChange): Promise<ScheduleAnswer>
  purge(options?: ScheduleChange): Promise<ScheduleAnswer>
  enable_job(name: string, options?: ScheduleChange): Promise<ScheduleAnswer>
  disable_job(name: string, options?: ScheduleChange): Promise<ScheduleAnswer>
  enable(options?: ScheduleChange): Promise<ScheduleAnswer>
  disable(options?: ScheduleChange): Promise<ScheduleAnswer>
  run_job(name: string, force?: boolean): Promise<ScheduleAnswer>
  save(): Promise<ScheduleAnswer>
  reload(): Promise<ScheduleAnswer>
  postpone_job(name: string, current: string, to: string, format?: string): Promise<ScheduleAnswer>
  skip_job(name: string, current: string, format?: string): Promise<ScheduleAnswer>
  show_next_fire_time(name: string, format?: string): { result: boolean; next_fire_time: string | null }
  job_status(name: string, format?: string): Record<string, unknown>
  /** An entry as it is, secrets included, for those who take it elsewhere. */
  item(name: string): Record<string, unknown> | undefined
}
