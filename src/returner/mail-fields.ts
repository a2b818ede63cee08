// The keys of a return that the subject of a mail may show.
export const RETURN_FIELDS = [
  'id',
  'jid',
  'fun',
  'fun_args',
  'return',
  'retcode',
  'success',
  'outcome',
  '_stamp',
] as const
export type ReturnField = (typeof RETURN_FIELDS)[number]
