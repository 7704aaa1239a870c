// Reads the recordings of a real Mesos below test/fixtures/mesos-traces; for tests only.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface TraceRecord {
  readonly at_ms: number
  readonly event?: unknown
  readonly event_base64?: string
}

export interface TraceRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly body_base64?: string
  readonly body_decoded?: unknown
}

export interface TraceResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly records?: readonly TraceRecord[]
  readonly end?: string
  readonly body?: unknown
  readonly body_base64?: string
  readonly body_invalid_utf8_base64?: string
}

export interface TraceExchange {
  readonly at_ms: number
  readonly to: string
  readonly note?: string
  readonly request: TraceRequest
  readonly response: TraceResponse
}

/** Something done or seen outside HTTP. */
export interface TraceAction {
  readonly action: string
  readonly znodes?: readonly { readonly path: string; readonly data_text?: string }[]
}

export interface Trace {
  readonly scenario: string
  /** Complete HTTP exchanges; what was recorded as raw text or as an action is left out. */
  readonly exchanges: readonly TraceExchange[]
  readonly actions: readonly TraceAction[]
}

/** Bytes both ways on one connection: one request or several at once, their answers in order. */
export interface RawExchange {
  readonly note?: string
  readonly request: { readonly raw: string }
  readonly responses: readonly {
    readonly status_line: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }[]
}

const folder = join(import.meta.dirname, '../../../test/fixtures/mesos-traces')

type Entry = (Partial<TraceExchange> & Partial<TraceAction>) | RawExchange

const isAction = (entry: Entry): entry is TraceAction => 'action' in entry && entry.action !== undefined

const isExchange = (entry: Entry): entry is TraceExchange =>
  'response' in entry && entry.request?.path !== undefined && entry.response?.status !== undefined

const isRaw = (entry: Entry): entry is RawExchange =>
  'responses' in entry && entry.request !== undefined && 'raw' in entry.request

function fileOf(number: string): {
  scenario: string
  exchanges: Entry[]
} {
  const file = readdirSync(folder).find(name => name.startsWith(`${number}-`))
  if (file === undefined) throw new Error(`no trace ${number}`)
  return JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

/** What was recorded as bytes. */
export function rawExchanges(number: string): RawExchange[] {
  return fileOf(number).exchanges.filter(isRaw)
}

/** By the beginning of its file's name up to the first dash, such as `04c`. */
export function trace(number: string): Trace {
  const { scenario, exchanges } = fileOf(number)
  return { scenario, exchanges: exchanges.filter(isExchange), actions: exchanges.filter(isAction) }
}

/** All of them. */
export function traces(): Trace[] {
  return readdirSync(folder)
    .filter(name => /^\d+\w?-/.test(name))
    .map(name => trace(name.slice(0, name.indexOf('-'))))
}

/** A JSON body exactly as it was sent, as far as a value can tell. */
export function textOf(body: unknown): string {
  return typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
}
