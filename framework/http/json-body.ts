// Reads request bodies: JSON in UTF-8 and nothing else. Refuses what other parsers would quietly repair.
import type { FastifyInstance } from 'fastify'
import { Problem } from './problems.ts'

/** An empty body is undefined, also with a content-type: many clients send one with a bare POST. */
export function readJsonBodies(app: FastifyInstance): void {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (body.length === 0) {
      done(null, undefined)
      return
    }
    try {
      done(null, withoutPrototypes(JSON.parse(utf8.decode(body))))
    } catch (error) {
      const why = error instanceof SyntaxError ? error.message : 'it is not UTF-8'
      done(
        error instanceof Problem
          ? error
          : new Problem('malformed_json', `the body is not valid JSON: ${why}`),
        undefined,
      )
    }
  })
}

// `__proto__` as a field name is legal JSON, but code that copies fields one by one would set a prototype by it.
function withoutPrototypes(body: unknown): unknown {
  const waiting = [body]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null) continue
    if (Object.hasOwn(value, '__proto__'))
      throw new Problem('malformed_json', 'no field of the body may have the name __proto__')
    for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) waiting.push(item)
  }
  return body
}
