// One request of an operator to a master or an agent: authenticated, redirected to the leader, bounded. Shared by
// OperatorClient and FilesClient.
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { errorFromAnswer } from '../errors.ts'
import { followRedirects } from '../redirect.ts'
import { serverUrl } from '../server-url.ts'
import { checkCa } from '../tls.ts'
import type { Exchange } from '../transport.ts'
import { ConnectionPool, basicAuthorization, readBody, send } from '../transport.ts'
import type { OperatorOptions } from './options.ts'

const CONNECTIONS = 8

export class Requester {
  readonly #options: OperatorOptions
  readonly #url: URL
  readonly #credentialGoes: 'to its host' | 'to the leader'
  readonly #pool: ConnectionPool
  readonly clock: Clock
  readonly callTimeoutMs: number

  /**
   * @param credentialGoes a master redirects to the leader, another host, which wants the credential as well; an agent
   *   redirects nowhere, so that its credential stays with its host
   * @throws TypeError for a `ca` without certificates, or a `url` that is none
   */
  constructor(options: OperatorOptions, credentialGoes: 'to its host' | 'to the leader' = 'to the leader') {
    this.#credentialGoes = credentialGoes
    checkCa('OperatorOptions', options.ca)
    this.#options = options
    this.clock = options.clock ?? systemClock
    this.callTimeoutMs = options.callTimeoutMs ?? 10_000
    this.#url = serverUrl('OperatorOptions: url', options.url)
    this.#pool = new ConnectionPool({ connections: CONNECTIONS, ca: options.ca })
  }

  /** The URL of a path at this master or agent. */
  at(path: string): URL {
    return new URL(path, this.#url)
  }

  /**
   * The answer, whose body still flows.
   * @param onExchange told of each request that leaves, so that it can be broken off
   * @throws MesosError for any status but 2xx
   */
  async open(
    method: 'GET' | 'POST',
    path: string,
    headers: OutgoingHttpHeaders,
    body?: Uint8Array,
    onExchange?: (exchange: Exchange) => void,
  ): Promise<{ answer: IncomingMessage; what: string }> {
    const authorization = basicAuthorization(this.#options.credential)
    const { url, answer } = await followRedirects(this.at(path), target => {
      const known = this.#credentialGoes === 'to the leader' || target.hostname === this.#url.hostname
      const exchange = send({
        what: `${method} ${target.href}`,
        url: target,
        method,
        headers: { ...(known ? authorization : {}), ...headers },
        body,
        pool: this.#pool,
        connectTimeoutMs: this.#options.connectTimeoutMs ?? 3_000,
        answerTimeoutMs: this.callTimeoutMs,
        clock: this.clock,
      })
      onExchange?.(exchange)
      return exchange.answer
    })
    const what = `${method} ${url.href}`
    const status = answer.statusCode ?? 0
    if (status < 200 || status > 299) {
      throw errorFromAnswer(what, status, new TextDecoder().decode(await this.#read(what, answer)))
    }
    return { answer, what }
  }

  /** The whole answer. */
  async fetch(
    method: 'GET' | 'POST',
    path: string,
    headers: OutgoingHttpHeaders,
    body?: Uint8Array,
  ): Promise<{ bytes: Uint8Array; contentType: string | undefined; what: string }> {
    const { answer, what } = await this.open(method, path, headers, body)
    return { bytes: await this.#read(what, answer), contentType: answer.headers['content-type'], what }
  }

  close(): void {
    this.#pool.close()
  }

  #read(what: string, answer: IncomingMessage): Promise<Uint8Array> {
    const maxBytes = this.#options.maxAnswerBytes ?? 128 * 1024 * 1024
    return readBody(answer, { what, clock: this.clock, silenceMs: this.callTimeoutMs, maxBytes })
  }
}
