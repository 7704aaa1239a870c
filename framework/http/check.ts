// Holds values against TypeBox schemas and says, for each wrong field, where it is and what would be right.
// Pure. Nothing is coerced here, and nothing unknown is let through.
import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { nearest } from '../environment.ts'

// TypeBox keeps this number for the whole process; its default of 8 would hide wrong fields.
const mostErrors = 500
Settings.Set({ maxErrors: mostErrors })

export interface FieldError {
  /** JSON pointer into the body (`/resources/cpus`), or the bare name of a query or path parameter or header. */
  readonly path: string
  readonly message: string
}

export type Checked<T> = { readonly value: T } | { readonly errors: readonly FieldError[] }

/** Compiled once; the result names every wrong field once. */
export function checker<T extends TSchema>(schema: T): (value: unknown) => Checked<Static<T>> {
  const compiled = Compile(schema)
  return value => {
    if (compiled.Check(value)) return { value: value as Static<T> }
    const errors = compiled.Errors(value).flatMap(error => explain(schema, value, error))
    const first = new Map<string, FieldError>()
    for (const error of errors) if (!first.has(error.path)) first.set(error.path, error)
    const found = [...first.values()]
    if (errors.length >= mostErrors) found.push({ path: '', message: `has more than ${mostErrors} errors` })
    return { errors: found }
  }
}

/** The keywords of JSON Schema that our schemas use. `x-must` says in words what the others can't. */
interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly 'x-must'?: string
  readonly 'x-names'?: string
}

interface Fault {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: object
}

function explain(root: object, value: unknown, fault: Fault): FieldError[] {
  const path = fault.instancePath
  const schema = lookUp(root, fault.schemaPath)
  switch (fault.keyword) {
    case 'additionalProperties':
      // Each unknown field has a fault of its own.
      return []
    case 'boolean':
      return [{ path, message: unknownField(lookUp(root, parent(fault.schemaPath)), path) }]
    case 'required': {
      const missing = (fault.params as { requiredProperties: readonly string[] }).requiredProperties
      return missing.map(name => ({
        path: `${path}/${pointerToken(name)}`,
        message: `is required: ${phrase(schema.properties?.[name] ?? {})}`,
      }))
    }
    case '~refine':
      return [{ path, message: (fault.params as { message: string }).message }]
    default: {
      // A choice fails at each of its alternatives and then as a whole; only the whole says what would be right.
      const choice = /^(.*?)\/anyOf\/\d+/.exec(fault.schemaPath)?.[1]
      const right = choice === undefined ? schema : lookUp(root, choice)
      return [{ path, message: `must be ${phrase(right)}${given(valueAt(value, path), right)}` }]
    }
  }
}

/** What a value for this schema looks like, to be read after "must be". */
export function phrase(schema: Schema): string {
  if (schema['x-must'] !== undefined) return schema['x-must']
  if (schema.anyOf !== undefined) return list(schema.anyOf.map(phrase))
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return `one of ${list(schema.enum.map(one => JSON.stringify(one)))}`
  switch (schema.type) {
    case 'string':
      return `a text${between(schema.minLength, schema.maxLength, ' of ', ' characters')}`
    case 'integer':
      return `a whole number${between(schema.minimum, schema.maximum, ' from ', '')}`
    case 'number':
      return `a number${between(schema.minimum, schema.maximum, ' from ', '')}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list${between(schema.minItems, schema.maxItems, ' of ', ' items')}`
    case 'object':
      return `an object${schema.maxProperties === undefined ? '' : ` of at most ${schema.maxProperties} fields`}`
    default:
      return 'something else'
  }
}

function between(min: number | undefined, max: number | undefined, before: string, unit: string): string {
  if (min === undefined && max === undefined) return ''
  if (max === undefined) return `${before}at least ${min}${unit}`
  return min === undefined ? `${before}at most ${max}${unit}` : `${before}${min} to ${max}${unit}`
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

// Never a text that was given: it may be a secret in the wrong place.
function given(value: unknown, schema: Schema): string {
  if (value === null) return ', not null'
  if (Array.isArray(value)) return schema.type === 'array' ? `, not ${value.length}` : ', not a list'
  switch (typeof value) {
    case 'number':
      return `, not ${value}`
    case 'boolean':
      return `, not ${value}`
    case 'string':
      return schema.type !== undefined && schema.type !== 'string' ? ', not a text' : ''
    case 'object':
      return schema.type === 'object' ? '' : ', not an object'
    default:
      return ''
  }
}

function unknownField(schema: Schema, path: string): string {
  if (schema.patternProperties !== undefined) return `is not ${schema['x-names'] ?? 'a possible name'}`
  const known = Object.keys(schema.properties ?? {})
  const near = nearest(tokens(path).at(-1) ?? '', known)
  return near === undefined
    ? `is unknown; possible are ${known.join(', ')}`
    : `is unknown: did you mean ${near}?`
}

function parent(schemaPath: string): string {
  return schemaPath.slice(0, schemaPath.lastIndexOf('/'))
}

function lookUp(root: object, schemaPath: string): Schema {
  let schema: unknown = root
  let rest = schemaPath.slice(2)
  while (rest !== '' && typeof schema === 'object' && schema !== null) {
    // Keys of patternProperties may hold slashes: the longest key that fits is the right one.
    const keys = Object.keys(schema).filter(key => rest === key || rest.startsWith(`${key}/`))
    const [key] = keys.toSorted((a, b) => b.length - a.length)
    if (key === undefined) return {}
    schema = (schema as Record<string, unknown>)[key]
    rest = rest.slice(key.length + 1)
  }
  return (schema ?? {}) as Schema
}

function valueAt(root: unknown, path: string): unknown {
  let value = root
  for (const token of tokens(path)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[token]
  }
  return value
}

function tokens(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map(token => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A field's name as one step of a JSON pointer. */
export function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
