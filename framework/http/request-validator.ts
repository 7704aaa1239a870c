// Validates the parts of a request by their schemas, as fastify asks for it. Parameters are texts, so numbers and
// booleans are read from them by the schema's type; bodies are taken as they are.
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'
import type { TObject, TSchema } from 'typebox'
import { checker, type FieldError } from './check.ts'
import { invalid } from './problems.ts'

export const requestValidator: FastifySchemaCompiler<FastifySchema | TSchema> = ({ schema, httpPart }) => {
  const check = checker(schema as TSchema)
  if (httpPart === 'body') {
    return body => {
      const checked = check(body)
      return 'errors' in checked ? { error: invalid(checked.errors) } : { value: checked.value }
    }
  }
  return value => {
    const checked = check(converted(schema as TObject, value as Texts))
    return 'errors' in checked ? { error: invalid(checked.errors.map(bareName)) } : { value: checked.value }
  }
}

type Texts = Readonly<Record<string, unknown>>

function converted(schema: TObject, texts: Texts): Texts {
  const values = Object.entries(texts).map(([name, text]) => {
    const type = (schema.properties[name] as { type?: string } | undefined)?.type
    if (type === 'integer' && typeof text === 'string' && /^\d{1,16}$/.test(text)) return [name, Number(text)]
    if (type === 'boolean' && (text === 'true' || text === 'false')) return [name, text === 'true']
    return [name, text]
  })
  return Object.fromEntries(values) as Texts
}

function bareName(error: FieldError): FieldError {
  return { ...error, path: error.path.replace(/^\//, '') }
}
