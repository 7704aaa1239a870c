// The one list of what can go wrong between us and Mesos, and the one table that reads it off an HTTP answer, an ERROR
// event or a socket. An error answers questions; nobody compares texts elsewhere.
import { isTlsFailure, tlsAdvice } from './tls.ts'

/** What can go wrong; the comment at each says what it means. */
export type MesosErrorCode =
  // the way there
  | 'unreachable' // refused, no such host: nothing was sent
  | 'timeout' // no answer in time: it may have been carried out
  | 'disconnected' // the connection broke: it may have been carried out
  | 'heartbeat_lost' // the stream is silent for too long (S12)
  | 'redirect_loop' // redirected too often, or to nowhere (S8)
  | 'no_leader' // ZooKeeper names no leading master, or can't be asked (S17)
  | 'session_expired' // of ZooKeeper: its ephemeral nodes are gone
  // answers
  | 'unavailable' // 503: a master or agent that still recovers (S9, E10)
  | 'not_found' // 404
  | 'not_leader' // 307 to a call: this master leads no more
  | 'unauthenticated' // 401 (S9)
  | 'forbidden' // 403 by an authoriser
  | 'principal_mismatch' // the credential is not the one of FrameworkInfo.principal (S18)
  | 'not_subscribed' // 403, or no subscription on our side (S6, E10)
  | 'unknown_framework' // 400 "Framework cannot be found" (S9, E10)
  | 'unknown_executor' // 400 "Executor cannot be found" (E10)
  | 'stale_stream' // 400: another subscription has taken over the stream id (S3)
  | 'invalid_call' // any other 400, 405, 406, 413, 415: our own fault
  | 'conflict' // 409 (S25)
  | 'server_error' // 5xx and whatever nobody expects
  // ERROR events
  | 'failed_over' // another scheduler subscribed with our framework id (S15)
  | 'framework_removed' // torn down, or its failover timeout passed (S16)
  | 'refused' // the master doesn't take this FrameworkInfo (S18, S23)
  | 'ended_by_peer' // any other ERROR event (E14)
  // contents
  | 'unreadable' // bytes that are no message: an answer like that says nothing of what was done
  | 'unsendable' // a message that can't be encoded: a required field is missing, a value is out of range
  // our own doing
  | 'no_longer_wanted' // resubscribe() was called, or another master leads now (S17)
  | 'closed'

interface Verdict {
  /** The same may succeed later, without anybody changing anything. */
  readonly retryable: boolean
  /** The subscription that it was sent on, or came from, is not ours any more. */
  readonly subscriptionLost: boolean
  /** Subscribing again will not help: configuration, or somebody else's decision. */
  readonly fatal: boolean
  /** A call that failed like this may have been carried out all the same. */
  readonly maybeDone: boolean
}

const verdict = (...yes: (keyof Verdict)[]): Verdict => ({
  retryable: yes.includes('retryable'),
  subscriptionLost: yes.includes('subscriptionLost'),
  fatal: yes.includes('fatal'),
  maybeDone: yes.includes('maybeDone'),
})

const verdicts: Readonly<Record<MesosErrorCode, Verdict>> = {
  unreachable: verdict('retryable'),
  timeout: verdict('retryable', 'maybeDone'),
  disconnected: verdict('retryable', 'maybeDone'),
  heartbeat_lost: verdict('retryable', 'subscriptionLost'),
  redirect_loop: verdict('retryable'),
  no_leader: verdict('retryable'),
  session_expired: verdict('retryable'),
  unavailable: verdict('retryable'),
  not_found: verdict('retryable'),
  not_leader: verdict('retryable', 'subscriptionLost'),
  unauthenticated: verdict('fatal'),
  forbidden: verdict(),
  principal_mismatch: verdict('fatal'),
  not_subscribed: verdict('retryable', 'subscriptionLost'),
  unknown_framework: verdict('retryable', 'subscriptionLost'),
  unknown_executor: verdict('retryable', 'subscriptionLost'),
  stale_stream: verdict('retryable', 'subscriptionLost'),
  invalid_call: verdict(),
  conflict: verdict(),
  server_error: verdict('retryable', 'maybeDone'),
  failed_over: verdict('fatal', 'subscriptionLost'),
  framework_removed: verdict('fatal', 'subscriptionLost'),
  refused: verdict('fatal', 'subscriptionLost'),
  ended_by_peer: verdict('retryable', 'subscriptionLost'),
  unreadable: verdict('retryable', 'maybeDone'),
  unsendable: verdict(),
  no_longer_wanted: verdict('retryable', 'subscriptionLost'),
  closed: verdict(),
}

/** Whatever fails in this package, but for options that make no sense: those are TypeErrors. */
export class MesosError extends Error {
  override readonly name = 'MesosError'
  /** What went wrong; `retryable`, `subscriptionLost`, `fatal` and `maybeDone` follow from it. */
  readonly code: MesosErrorCode
  /** HTTP status, where there was an answer. */
  readonly status?: number

  constructor(code: MesosErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    if (options.status !== undefined) this.status = options.status
  }

  /** The same may succeed later, without anybody changing anything. */
  get retryable(): boolean {
    return verdicts[this.code].retryable
  }

  /** The subscription it was sent on, or came from, is not ours any more. */
  get subscriptionLost(): boolean {
    return verdicts[this.code].subscriptionLost
  }

  /** Subscribing again will not help. */
  get fatal(): boolean {
    return verdicts[this.code].fatal
  }

  /** A call that failed like this may have been carried out all the same. */
  get maybeDone(): boolean {
    return verdicts[this.code].maybeDone
  }
}

/** First line that fits wins. Texts are those of Mesos 1.12. */
const answers: readonly {
  readonly status: number
  readonly text?: RegExp
  readonly code: MesosErrorCode
}[] = [
  { status: 307, code: 'not_leader' },
  { status: 400, text: /^(Framework cannot be found|No framework found)/, code: 'unknown_framework' },
  { status: 400, text: /^Executor cannot be found/, code: 'unknown_executor' },
  { status: 400, text: /^The stream ID .* didn't match/, code: 'stale_stream' },
  { status: 400, text: /Authenticated principal .* does not match/, code: 'principal_mismatch' },
  { status: 400, code: 'invalid_call' },
  { status: 401, code: 'unauthenticated' },
  { status: 403, text: /is not subscribed/, code: 'not_subscribed' },
  { status: 403, code: 'forbidden' },
  { status: 404, code: 'not_found' },
  { status: 405, code: 'invalid_call' },
  { status: 406, code: 'invalid_call' },
  { status: 409, code: 'conflict' },
  { status: 413, code: 'invalid_call' },
  { status: 415, code: 'invalid_call' },
  { status: 503, code: 'unavailable' },
]

/** What an HTTP answer other than success means. `what` names the request, for the message. */
export function errorFromAnswer(what: string, status: number, body: string): MesosError {
  const text = body.trim()
  const line = answers.find(answer => answer.status === status && (answer.text?.test(text) ?? true))
  const said = text === '' ? '' : `: ${text.slice(0, 1000)}`
  return new MesosError(line?.code ?? 'server_error', `${what}: HTTP ${status}${said}`, { status })
}

/**
 * What an ERROR event means. Before SUBSCRIBED it is the answer to what we asked for, hence a refusal; afterwards only
 * the two known texts are final (S15, S16), since a master that ends a stream may take us back.
 */
export function errorFromEvent(message: string, subscribed: boolean): MesosError {
  if (message.startsWith('Framework failed over')) return new MesosError('failed_over', message)
  if (message.startsWith('Framework has been removed')) return new MesosError('framework_removed', message)
  // an authoriser that could not be asked is no verdict
  const refused = !subscribed && !message.startsWith('Authorization failure')
  return new MesosError(refused ? 'refused' : 'ended_by_peer', message)
}

const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
  'EADDRNOTAVAIL',
])

/**
 * Whatever was thrown on the way, as a MesosError. TLS failures count as unreachable: nothing was sent; they say what
 * would mend them.
 * @param connected the connection stood already: routes and TLS can fail later too, when something may have been done
 */
export function errorFromFailure(what: string, thrown: unknown, connected = false): MesosError {
  if (thrown instanceof MesosError) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const tls = isTlsFailure(code)
  // AggregateError of several addresses has an empty message
  const text = (error.message || code).trim()
  const advice = tls ? tlsAdvice(code, text) : undefined
  return new MesosError(
    !connected && (beforeSending.has(code) || tls) ? 'unreachable' : 'disconnected',
    `${what}: ${text}${text.includes(code) ? '' : ` (${code})`}${advice === undefined ? '' : `: ${advice}`}`,
    { cause: error },
  )
}
