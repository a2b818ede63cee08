// The shapes of a function's help, as programs read it.

export interface ArgumentDoc {
  name: string
  type: string
  required: boolean
  default?: unknown
  doc?: string
}

export interface FunctionDoc {
  /** `module.function` */
  name: string
  kind: string
  usage: string
  doc: string
  args: ArgumentDoc[]
  idempotent: boolean
}
