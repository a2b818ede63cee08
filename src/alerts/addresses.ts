// Mail addresses as people write them ("Ops <ops@example.com>, db@example.com" or a list), checked one by one.
import addressparser from 'nodemailer/lib/addressparser'
import { ReactorError } from '../base/errors.ts'

export interface Address {
  name: string
  address: string
}

// What cannot be inside one address on the wire; a quoted local part is not worth the doors that it opens.
const PLAIN = /^[^\s@<>(),;:"\\]+@[^\s@<>(),;:"\\]+$/

/**
 * All addresses of a comma list or a list; an empty list for nothing. `field` names the argument in errors.
 * Throws `bad_argument` for what is no address, and for line breaks, which would smuggle a header into the mail.
 */
export function parseAddresses(field: string, value: string | readonly string[] | undefined): Address[] {
  if (value === undefined) return []
  return [value].flat().flatMap(entry => parseEntry(field, headerText(field, entry)))
}

function parseEntry(field: string, entry: string): Address[] {
  if (entry === '') return []
  const parsed = addressparser(entry, { flatten: true })
  for (const { address } of parsed) {
    if (!PLAIN.test(address)) {
      throw new ReactorError(
        'bad_argument',
        `${field}: ${JSON.stringify(entry)} is no mail address: write name@host or "Name <name@host>", several with commas`,
      )
    }
  }
  return parsed.map(({ name, address }) => ({ name, address }))
}

/** Text fit for one header line, without outer space. Throws `bad_argument` for a line break or a control character. */
export function headerText(field: string, value: string): string {
  const text = value.trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is refused here.
  if (/[\u0000-\u0008\u000a-\u001f\u007f\u2028\u2029]/.test(text)) {
    throw new ReactorError(
      'bad_argument',
      `${field}: ${JSON.stringify(text)} has a line break or a control character; a mail header is one line`,
    )
  }
  return text
}
