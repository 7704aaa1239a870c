// A recording of a real Mesos as the replay needs it: exchanges, streams and actions, in the order of their start.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface TraceRecord {
  readonly at_ms: number
  readonly event?: unknown
}

export interface TraceResponse {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Bytes that are no text, or no valid one. */
  readonly body_base64?: string
  readonly body_invalid_utf8_base64?: string
  readonly records?: readonly TraceRecord[]
  readonly end?: 'open' | 'closed by server' | 'closed by client' | 'reset'
  readonly end_at_ms?: number
  readonly last_chunk?: boolean
  /** No answer came. */
  readonly error?: string
}

export interface TraceRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly body_decoded?: unknown
  readonly body_base64?: string
  readonly raw?: string
}

export interface TraceExchange {
  readonly at_ms: number
  readonly to: string
  readonly note?: string
  readonly request: TraceRequest
  readonly response: TraceResponse
  /** Of raw text with one or more calls, in their order. */
  readonly responses?: readonly TraceRawResponse[]
}

export interface TraceRawResponse {
  readonly status_line: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface TraceAction {
  readonly at_ms: number
  readonly action: string
  readonly environment?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly gone?: boolean
  /** What lay in the sandbox. */
  readonly files?: readonly TraceFile[]
  /** What was in ZooKeeper. */
  readonly znodes?: readonly TraceNode[]
}

export interface TraceNode {
  readonly path: string
  readonly data?: unknown
}

export interface TraceFile {
  readonly path: string
  /** Octal, with 0o. */
  readonly mode: string
  readonly size: number
}

export interface Trace {
  readonly scenario: string
  readonly flags: { readonly master: readonly string[]; readonly agent: readonly string[] }
  /** What the server of the URIs was asked for. */
  readonly origin_requests?: readonly { readonly request: string }[]
  readonly exchanges: readonly (TraceExchange | TraceAction)[]
}

const folder = join(import.meta.dirname, '../../../test/fixtures/mesos-traces')

/** By the beginning of its file's name up to the first dash, such as `04c`. */
export function readTrace(number: string): Trace {
  const file = readdirSync(folder).find(name => name.startsWith(`${number}-`))
  if (file === undefined) throw new Error(`no trace ${number}`)
  const trace = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Trace
  const exchanges = trace.exchanges.map(entry =>
    isAction(entry) || 'response' in entry ? entry : { ...(entry as TraceExchange), response: {} },
  )
  return { ...trace, exchanges }
}

export function isAction(entry: TraceExchange | TraceAction): entry is TraceAction {
  return 'action' in entry
}
