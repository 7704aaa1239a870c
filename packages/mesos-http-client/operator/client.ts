// The operator API of a master or an agent: typed calls at /api/v1, the master's event stream, and the older JSON endpoints.
// Follows redirects to the leading master; holds no state but the streams that are open.
import type { Codec, CodecName } from '../codec/index.ts'
import { codec, codecOf } from '../codec/index.ts'
import type { MessageName, Messages } from '../codec/names.ts'
import { messageTable } from '../codec/schema.ts'
import { MesosError } from '../errors.ts'
import type {
  AgentAnswer,
  AgentCallBody,
  AgentCallKind,
  MasterAnswer,
  MasterCallBody,
  MasterCallKind,
} from '../messages-by-type.ts'
import type { OperatorEventsOptions } from './events.ts'
import { OperatorEvents } from './events.ts'
import type { OperatorOptions } from './options.ts'
import { Requester } from './request.ts'

/** Whom to ask, and in which encoding. */
export interface OperatorClientOptions extends OperatorOptions {
  /** `json` unless told. */
  readonly codec?: CodecName | undefined
}

/** Asks a master or an agent, as an operator does, and tells them what to do. */
export class OperatorClient {
  readonly #options: OperatorClientOptions
  readonly #requester: Requester
  readonly #codec: Codec
  readonly #streams = new Set<OperatorEvents>()

  /** @throws TypeError for a `ca` without certificates, or a `url` that is none */
  constructor(options: OperatorClientOptions) {
    this.#options = options
    this.#requester = new Requester(options)
    this.#codec = codec(options.codec ?? 'json')
  }

  /**
   * A call to a master, sent once. Its type decides what the answer has: `get_agents` for `GET_AGENTS`; calls that only do
   * something are answered by an empty object, UPDATE_WEIGHTS and the like when it is done, RESERVE_RESOURCES and others
   * that change an agent's resources when the master has taken them.
   * @throws MesosError; `maybeDone` tells whether it may have been carried out; `invalid_call` for SUBSCRIBE: see `events`
   */
  async call<T extends MasterCallKind>(call: MasterCallBody<T>): Promise<MasterAnswer<T>> {
    const answer: unknown = await this.#call('master.Call', call, 'master.Response')
    return answer as MasterAnswer<T>
  }

  /**
   * A call to an agent, sent once. Its type decides what the answer has. WAIT_CONTAINER is answered when the container has
   * ended: give such a client a long `callTimeoutMs`.
   * @throws MesosError; `invalid_call` for calls whose answer is a stream
   */
  async agentCall<T extends AgentCallKind>(call: AgentCallBody<T>): Promise<AgentAnswer<T>> {
    const answer: unknown = await this.#call('agent.Call', call, 'agent.Response')
    return answer as AgentAnswer<T>
  }

  /**
   * What happens in the cluster, told by the leading master: `for await (const event of operator.events())`. The first
   * event is SUBSCRIBED, with the whole state; the loop fails when the stream ends, for whatever reason, and you decide
   * whether to ask for another.
   */
  events(options: OperatorEventsOptions = {}): OperatorEvents {
    const stream: OperatorEvents = new OperatorEvents(this.#options, this.#codec, options, () =>
      this.#streams.delete(stream),
    )
    this.#streams.add(stream)
    return stream
  }

  /**
   * A JSON endpoint, such as `/state`, `/slaves`, `/metrics/snapshot`.
   * @throws MesosError
   */
  async getJson(path: string): Promise<unknown> {
    const { bytes, what } = await this.#requester.fetch('GET', path, { Accept: 'application/json' })
    try {
      const json: unknown = JSON.parse(new TextDecoder().decode(bytes))
      return json
    } catch (cause) {
      throw new MesosError('unreadable', `${what}: no JSON`, { cause })
    }
  }

  /** Breaks what is under way; loops over event streams end. */
  close(): void {
    this.#requester.close()
    for (const stream of this.#streams) stream.close()
  }

  async #call<K extends 'master.Call' | 'agent.Call', R extends 'master.Response' | 'agent.Response'>(
    type: K,
    call: Messages[K],
    response: R,
  ): Promise<Messages[R]> {
    if (call.type !== undefined && streaming.has(call.type)) {
      throw new MesosError(
        'invalid_call',
        `${call.type}: its answer is a stream, which this call does not read`,
      )
    }
    const body = this.#codec.encode(type, call)
    const { contentType } = this.#codec
    const headers = { 'Content-Type': contentType, Accept: contentType }
    const answer = await this.#requester.fetch('POST', '/api/v1', headers, body)
    const reader = codecOf(answer.contentType) ?? this.#codec
    // "done" has no body; as JSON that is the empty message, as it is in protobuf
    const bytes = answer.bytes.length === 0 && reader.name === 'json' ? EMPTY_JSON : answer.bytes
    return completed(answer.what, call.type, response, reader.decode(response, bytes))
  }
}

/**
 * The answer with what its call asked for: no contents are empty ones, where these may be empty.
 * @throws MesosError `unreadable` if it is the answer to something else
 */
function completed<R extends MessageName & `${string}.Response`>(
  what: string,
  asked: string | undefined,
  response: R,
  answer: Messages[R],
): Messages[R] {
  const name = asked?.toLowerCase() ?? ''
  const kind = messageTable(`mesos.v1.${response}`).byName.get(name)?.kind
  if (kind?.name !== 'message' || name in answer) return answer
  if (answer.type !== asked || kind.table().required.length > 0) {
    throw new MesosError('unreadable', `${what}: an answer to ${asked} without ${name}`)
  }
  return { ...answer, [name]: {} }
}

const EMPTY_JSON = new TextEncoder().encode('{}')

const streaming: ReadonlySet<string> = new Set([
  'SUBSCRIBE',
  'LAUNCH_NESTED_CONTAINER_SESSION',
  'ATTACH_CONTAINER_INPUT',
  'ATTACH_CONTAINER_OUTPUT',
])
