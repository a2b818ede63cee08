// What functions may do with the beacons of the minion that they run on, with Salt's answers.

/** Salt's answer to a change. A failed one is a failed job. */
export interface BeaconAnswer {
  result: boolean
  comment: string
  changes?: Record<string, unknown>
}

export interface BeaconOperations {
  /** A YAML text, or the map that it is of. What is wrong with one stands in it as `_error`. */
  list(options?: {
    return_yaml?: boolean
    include_pillar?: boolean
    /** Those of the config and of calls. */
    include_opts?: boolean
  }): string | Record<string, unknown>
  list_available(return_yaml?: boolean): string | string[]
  /** `test`: only says what would be done. */
  add(name: string, given: unknown, test?: boolean): Promise<BeaconAnswer>
  /** In place of all that it had. */
  modify(name: string, given: unknown, test?: boolean): Promise<BeaconAnswer>
  delete(name: string, test?: boolean): Promise<BeaconAnswer>
  enable_beacon(name: string, test?: boolean): Promise<BeaconAnswer>
  disable_beacon(name: string, test?: boolean): Promise<BeaconAnswer>
  enable(test?: boolean): Promise<BeaconAnswer>
  disable(test?: boolean): Promise<BeaconAnswer>
  /** Whatever was changed stays over restarts. */
  save(): Promise<BeaconAnswer>
  reset(test?: boolean): Promise<BeaconAnswer>
}
