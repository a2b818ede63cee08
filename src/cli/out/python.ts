// Values as Python's repr() writes them, which is what Salt's outputters txt and raw show.
import { repr } from '../../jinja/print.ts'
import type { Value } from '../../jinja/values.ts'

// Templates have a budget since rules come from others; here the whole value is to be shown.
const BOUNDLESS = { spend: () => undefined }

/** `{'web1': True, 'n': None, 'list': [1, 'two']}` */
export const pythonRepr = (value: unknown): string => repr((value ?? null) as Value, BOUNDLESS)
