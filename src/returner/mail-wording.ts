// What a mail says of a return or of events: its subject and its text.
import { errorMessage } from '../base/errors.ts'
import { cut } from '../base/text.ts'
import { refused } from '../functions/define-returner.ts'
import { compileTemplate } from '../jinja/compile.ts'
import type { StoredEvent, StoredReturn } from '../protocol/returned.ts'
import { unknownNames } from '../reactor/rules/template-names.ts'
import { badSetting } from './bad-setting.ts'
import { RETURN_FIELDS, type ReturnField } from './mail-fields.ts'

export interface WordingOptions {
  subject: string
  fields: readonly ReturnField[]
  template?: string | undefined
}

export interface Wording {
  subject: string
  text: string
}

// Characters. Mail servers refuse what is much larger, and people do not read it.
const LONGEST_TEXT = 200_000
const LONGEST_SUBJECT = 250
const NAMES = { names: [...RETURN_FIELDS, 'cmd'], without: new Map<string, string>() }

/** Throws `bad_config` on a template that is none; what it gives throws `record_refused` where one cannot be filled. */
export function createReturnWording({ subject, fields, template }: WordingOptions): (record: StoredReturn) => Wording {
  const renderSubject = renderer('subject', subject)
  const renderText = template === undefined ? report : renderer('template', template)
  return record => ({
    // The fields come behind the rendered text: what a return holds is never a template.
    subject: subjectOf([renderSubject(record), ...fields.map(field => asText(record[field]))].join(' ')),
    text: bounded(renderText(record)),
  })
}

export function eventsWording(events: readonly StoredEvent[]): Wording {
  const [first, ...others] = events
  const more = others.length > 0 ? ` and ${others.length} more` : ''
  return {
    subject: subjectOf(`event ${first?.tag}${more}`),
    text: bounded(events.map(reportEvent).join('\n\n')),
  }
}

function renderer(setting: string, source: string): (record: StoredReturn) => string {
  const template = badSetting('smtp', setting, () => {
    const [problem] = unknownNames(source, NAMES)
    if (problem !== undefined) throw new Error(problem)
    return compileTemplate(source)
  })
  return record => {
    try {
      return asText(template.render({ ...record }))
    } catch (error) {
      throw refused(`smtp.${setting} cannot be filled with this return: ${errorMessage(error)}`, error)
    }
  }
}

function report(record: StoredReturn): string {
  const { id, fun, fun_args, jid, _stamp, success, retcode, outcome } = record
  return `minion:    ${id}
function:  ${fun}
arguments: ${JSON.stringify(fun_args)}
jid:       ${jid}
time:      ${_stamp} UTC
result:    ${success ? 'done' : (outcome ?? 'failed')} (retcode ${retcode})

${asText(record.return)}
`
}

const reportEvent = ({ tag, data, _stamp, origin }: StoredEvent): string =>
  `${tag}\nfrom ${origin}, ${_stamp} UTC\n${asText(data)}`

const asText = (value: unknown): string => {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

/** One line: what was a line break would be a header of the mail. */
const subjectOf = (text: string): string => cut(text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, ' ').trim(), LONGEST_SUBJECT)

const bounded = (text: string): string =>
  text.length > LONGEST_TEXT
    ? `${cut(text, LONGEST_TEXT)}\n\n[cut: ${text.length} characters in all]\n`
    : text.toWellFormed()
