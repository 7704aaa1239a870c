// Every error that a client of the HTTP API sees, as `application/problem+json` (RFC 9457). Whatever is thrown in a
// route becomes one here; what is not a client's business stays in the log.
import type { FieldError } from './check.ts'

export const problemType = 'application/problem+json; charset=utf-8'

const titles = {
  malformed_json: [400, 'The body is not valid JSON'],
  bad_request: [400, 'The request is malformed'],
  cross_site: [403, 'Pages of other sites may not do this'],
  not_found: [404, 'There is nothing at this path'],
  task_not_found: [404, 'There is no such task'],
  attempt_not_found: [404, 'The task has no such attempt'],
  no_output: [404, 'The task has no output'],
  output_gone: [410, 'The output is not there any more'],
  output_not_yet: [409, 'The task has no output yet'],
  method_not_allowed: [405, 'This path does not take this method'],
  body_too_large: [413, 'The body is too large'],
  unsupported_media_type: [415, 'The body is not JSON'],
  invalid_request: [422, 'Some fields are wrong'],
  idempotency_key_reused: [422, 'The idempotency key belongs to another task'],
  invalid_cursor: [422, 'The cursor is not one of this list'],
  internal: [500, 'Juice failed'],
  agent_failed: [502, "The task's agent could not be asked"],
  store_unavailable: [503, 'The database cannot be reached'],
  not_ready: [503, 'This process is not ready'],
  agent_timeout: [504, "The task's agent did not answer in time"],
} as const satisfies Record<string, readonly [number, string]>

export type ProblemCode = keyof typeof titles

export interface ProblemJson {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly errors: readonly FieldError[]
}

export interface ProblemOptions {
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** Thrown by a route: what the client gets. */
export class Problem extends Error {
  readonly code: ProblemCode
  /** Fastify writes to it too. */
  statusCode: number
  readonly errors: readonly FieldError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.statusCode = titles[code][0]
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }

  json(): ProblemJson {
    const [status, title] = titles[this.code]
    return {
      type: `urn:juice:problem:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      errors: this.errors,
    }
  }
}

/** The 422 that names every wrong field. */
export function invalid(errors: readonly FieldError[]): Problem {
  const paths = errors.map(({ path }) => (path === '' ? 'the body' : path))
  const shown = paths.length > 10 ? [...paths.slice(0, 10), `${paths.length - 10} more`] : paths
  return new Problem('invalid_request', `wrong: ${shown.join(', ')}`, { errors })
}

/** Whatever was thrown, as a problem; `unknown` errors are 500 and say nothing about their cause. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const known = code === undefined ? undefined : knownCodes[code]
  if (known !== undefined) return new Problem(known[0], known[1] ?? message, { cause: error })
  if (isStoreUnavailable(error))
    return new Problem('store_unavailable', 'the database cannot be reached now: try again', {
      cause: error,
      headers: { 'retry-after': '5' },
    })
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new Problem('bad_request', message, { cause: error })
  return new Problem('internal', 'an error that nobody expected; the log of this process has it', {
    cause: error,
  })
}

const malformed = 'the body must be valid JSON in UTF-8'

/** Codes of fastify's own errors and of those of the use cases. */
const knownCodes: Readonly<Record<string, readonly [ProblemCode, string?]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'the content-type must be application/json'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'the body must be at most 1 MB'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_json', 'the body is empty'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['malformed_json', malformed],
  idempotency_key_reused: ['idempotency_key_reused'],
  invalid_cursor: ['invalid_cursor'],
}

/** Whether a store that is down, starting or out of connections is behind this error, so that trying again helps. */
function isStoreUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isStoreUnavailable)
  const code = codeOf(error)
  if (code !== undefined) {
    // PostgreSQL's classes 08 connection, 53 resources, 57P shutdown, 40 rollback; then: time-outs, and a standby.
    if (/^(08|53|57P|40)[0-9A-Z]+$/.test(code) || ['57014', '55P03', '25006'].includes(code)) return true
    return networkCodes.has(code)
  }
  const message = error instanceof Error ? error.message : ''
  return /connection (terminated|timeout|timed out)|timeout exceeded when trying to connect|not queryable|after calling end/i.test(
    message,
  )
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
])

function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
