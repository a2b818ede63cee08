// Values that people write bare and YAML reads as its own syntax (`on: *`, `tgt: {{ data.id }}`): what to quote, and how.
import { type Document, isNode, visit } from 'yaml'

const SYNTAX = /^(?:\{[{%#]|[*&!@`%])/
const VALUE_START = /^\s*(?:- +)*(?:[^\s:#'"]+: +)?/

/** What to say of the bare value at, or on the line before, `offset`; undefined when nothing there needs quotes. */
export function quoteHint(text: string, offset: number): string | undefined {
  const from = text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  const line = text.slice(from, end < 0 ? undefined : end)
  const at = offset - from
  // YAML's complaint about a template stands at its second brace, or behind it.
  const starts = [at - 1, at, VALUE_START.exec(line)![0].length]
  const start = starts.find(one => one >= 0 && one <= at && SYNTAX.test(line.slice(one)))
  if (start === undefined) return undefined
  const value = bareValue(line.slice(start), /[[{]/.test(line.slice(0, start)))
  const [sign] = SYNTAX.exec(value)!
  return `a value that begins with ${sign} must be quoted: ${quoted(value)}`
}

/** Where an alias without anchor, or an anchor without value, begins: they are text that lacks quotes. */
export function strayAnchor(document: Document.Parsed): number | undefined {
  let found: number | undefined
  visit(document, {
    Alias(_key, node) {
      if (node.resolve(document) !== undefined) return undefined
      found = node.range?.[0]
      return visit.BREAK
    },
    Scalar(key, node, path) {
      if (node.anchor === undefined || node.value !== null || node.source) return undefined
      const above = path.at(-1)
      // An empty node begins behind its anchor; the key before it ends in front of the anchor.
      const before =
        key === 'value' && isNode((above as { key?: unknown })?.key) ? (above as { key: unknown }).key : node
      const range = (before as { range?: readonly [number, number, number] | null }).range
      found = range?.[1]
      return visit.BREAK
    },
  })
  return found
}

function bareValue(rest: string, inFlow: boolean): string {
  const template = /^\{([{%#]).*[}%#]\}/
  const flow = template.test(rest) ? /^\{([{%#]).*?[}%#]\}[^,\]}]*/ : /^[^,\]}]*/
  const value = inFlow ? flow.exec(rest)![0] : rest.replace(/\s#.*$/, '')
  return value.trim()
}

const quoted = (value: string): string =>
  value.includes('"') && !value.includes("'") ? `'${value}'` : JSON.stringify(value)
