// The syntax tree of a template, as Jinja2's grammar has it. `text` is the source of an expression, for messages.

export type Expr =
  | { kind: 'const'; value: unknown; text: string }
  | { kind: 'name'; name: string; text: string }
  | { kind: 'list' | 'tuple'; items: Expr[]; text: string }
  | { kind: 'dict'; pairs: [Expr, Expr][]; text: string }
  | { kind: 'attr'; target: Expr; name: string; text: string }
  | { kind: 'item'; target: Expr; index: Expr; text: string }
  | {
      kind: 'slice'
      target: Expr
      start: Expr | undefined
      stop: Expr | undefined
      step: Expr | undefined
      text: string
    }
  | { kind: 'call'; target: Expr; args: Args; text: string }
  | ({ kind: 'filter'; target: Expr; text: string } & Filter)
  | { kind: 'test'; target: Expr; name: string; args: Args; negated: boolean; document: boolean; text: string }
  | { kind: 'unary'; op: '-' | '+'; operand: Expr; text: string }
  | { kind: 'not'; operand: Expr; text: string }
  | { kind: 'binary'; op: string; left: Expr; right: Expr; text: string }
  | { kind: 'logic'; op: 'and' | 'or'; left: Expr; right: Expr; text: string }
  | { kind: 'compare'; first: Expr; rest: { op: string; operand: Expr }[]; text: string }
  | { kind: 'choice'; test: Expr; then: Expr; otherwise: Expr | undefined; text: string }

export interface Args {
  positional: Expr[]
  named: [string, Expr][]
  /** `*list` and `**dict`, in documents. */
  spread?: Expr
  spreadNamed?: Expr
}

/** A filter by name, still without the value it is for. */
export interface Filter {
  name: string
  args: Args
  /** Of a document, which has more filters and tests. */
  document: boolean
}

/** `value | first | second`. */
export function applyFilters(value: Expr, filters: readonly Filter[]): Expr {
  return filters.reduce<Expr>((target, filter) => ({ kind: 'filter', target, ...filter, text: filter.name }), value)
}

/** What is assigned to: a name, an attribute of a namespace, or several names. */
export type Target =
  | { kind: 'name'; name: string }
  | { kind: 'attr'; name: string; attr: string }
  | { kind: 'tuple'; items: Target[] }

/** Where in the source a statement begins. */
type Placed = { at?: number }

export type Statement = Placed & (PlainStatement | DocumentStatement)

type PlainStatement =
  | { kind: 'text'; value: string }
  | { kind: 'output'; expr: Expr }
  | { kind: 'do'; expr: Expr }
  | { kind: 'if'; branches: ({ test: Expr; body: Statement[] } & Placed)[]; otherwise: Statement[] }
  | {
      kind: 'for'
      target: Target
      iter: Expr
      only: Expr | undefined
      body: Statement[]
      otherwise: Statement[]
      recursive: boolean
    }
  | { kind: 'set'; target: Target; value: Expr }
  | { kind: 'capture'; target: Target | undefined; filters: Filter[]; body: Statement[] }
  | { kind: 'with'; values: [Target, Expr][]; body: Statement[] }
  | { kind: 'break' | 'continue' }

export interface Param {
  name: string
  default: Expr | undefined
}

/** How a text becomes the value of `load_yaml as` and `import_yaml`. */
export type Loader = 'yaml' | 'json' | 'text'

/** Of whole documents alone; `context`: what is loaded sees the names of this template. */
export type DocumentStatement =
  | { kind: 'macro'; name: string; params: Param[]; body: Statement[] }
  | { kind: 'call'; params: Param[]; call: Expr; body: Statement[] }
  | { kind: 'import'; path: Expr; target: Target; context: boolean; as: Loader | undefined }
  | { kind: 'from'; path: Expr; names: [string, string][]; context: boolean }
  | { kind: 'include'; path: Expr; context: boolean; optional: boolean }
  | { kind: 'load'; target: Target; as: Loader; body: Statement[] }
export type DocumentKind = DocumentStatement['kind']
