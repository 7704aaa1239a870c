// One try of one callback: a POST to an address that the rule allows. Never follows redirects, and checks the address
// that it really connects to, so that no name can lead elsewhere between check and connection.
import { lookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, errors, request } from 'undici'
import type { AddressRule } from './address-rule.ts'

export interface CallbackRequest {
  readonly url: string
  readonly eventId: number
  readonly body: string
}

export type SendOutcome =
  | { readonly name: 'delivered'; readonly status: number }
  | { readonly name: 'failed'; readonly status?: number; readonly error: string }
  /** Trying again makes no sense. */
  | { readonly name: 'refused'; readonly status?: number; readonly error: string }

export interface SenderOptions {
  readonly rule: AddressRule
  /** For the whole try. */
  readonly timeoutMs?: number
}

/** The receiver says that it never wants it. */
const gone = 410

export class CallbackSender {
  readonly #agent: Agent
  readonly #rule: AddressRule
  readonly #timeoutMs: number

  constructor(options: SenderOptions) {
    this.#rule = options.rule
    this.#timeoutMs = options.timeoutMs ?? 10_000
    this.#agent = new Agent({ pipelining: 1, connect: { lookup: guardedLookup(options.rule) } })
  }

  /** Never rejects. `signal` cuts it short: a failure like any other. */
  async send(callback: CallbackRequest, signal: AbortSignal): Promise<SendOutcome> {
    const url = URL.parse(callback.url)
    if (url === null) return { name: 'refused', error: 'the URL of the callback is none' }
    const literal = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const refusal = isIP(literal) === 0 ? undefined : this.#rule.refusal(literal)
    if (refusal !== undefined) return refused(literal, refusal)
    const timeout = AbortSignal.timeout(this.#timeoutMs)
    try {
      return judge(await this.#post(url, callback, AbortSignal.any([signal, timeout])))
    } catch (error) {
      if (timeout.aborted) return { name: 'failed', error: `no answer within ${this.#timeoutMs / 1000} s` }
      const cause = refusedAddress(error)
      return cause === undefined
        ? { name: 'failed', error: describe(error) }
        : refused(cause.address, cause.refusal)
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #post(url: URL, callback: CallbackRequest, signal: AbortSignal): Promise<number> {
    const authorization = basicAuthorization(url)
    url.username = url.password = ''
    const { statusCode, body } = await request(url, {
      method: 'POST',
      dispatcher: this.#agent,
      signal,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'juice/2',
        'juice-event-id': String(callback.eventId),
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: callback.body,
    })
    // What it says does not matter, and a long answer is not waited for.
    await body.dump({ limit: 64 * 1024 }).catch(() => undefined)
    return statusCode
  }
}

function judge(status: number): SendOutcome {
  if (status >= 200 && status <= 299) return { name: 'delivered', status }
  if (status === gone) return { name: 'refused', status, error: 'answered 410: it does not want callbacks' }
  const redirect = status >= 300 && status <= 399 ? ', and redirects are not followed' : ''
  return { name: 'failed', status, error: `answered ${status}${redirect}` }
}

class RefusedAddress extends Error {
  readonly address: string
  readonly refusal: string

  constructor(address: string, refusal: string) {
    super(`${address} ${refusal}`)
    this.address = address
    this.refusal = refusal
  }
}

/** Refuses a name if any of its addresses is refused. */
function guardedLookup(rule: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) {
        callback(error ?? new Error(`${hostname} has no address`), '')
        return
      }
      for (const { address } of addresses) {
        const refusal = rule.refusal(address)
        if (refusal !== undefined) {
          callback(new RefusedAddress(address, refusal), '')
          return
        }
      }
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function refusedAddress(error: unknown): RefusedAddress | undefined {
  if (error instanceof RefusedAddress) return error
  if (error instanceof AggregateError)
    return error.errors.map(refusedAddress).find(found => found !== undefined)
  return error instanceof Error && error.cause !== undefined ? refusedAddress(error.cause) : undefined
}

function refused(address: string, why: string): SendOutcome {
  return { name: 'refused', error: `callbacks don't go to ${address}, which ${why}` }
}

function basicAuthorization(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  if (error instanceof errors.RequestAbortedError) return 'cut short'
  return error instanceof Error ? error.message : String(error)
}
