// The operator API of a master or an agent: typed calls at /api/v1, and the older JSON endpoints. Follows redirects to the
// leading master; holds no state.
import type { Codec, CodecName } from '../codec/index.ts'
import { codec, codecOf } from '../codec/index.ts'
import type { MessageName, Messages } from '../codec/names.ts'
import { MesosError } from '../errors.ts'
import type { AgentCall, AgentResponse, MasterCall, MasterResponse } from '../generated/messages.ts'
import type { OperatorOptions } from './request.ts'
import { Requester } from './request.ts'

export interface OperatorClientOptions extends OperatorOptions {
  /** `json` unless told. */
  readonly codec?: CodecName | undefined
}

export class OperatorClient {
  readonly #requester: Requester
  readonly #codec: Codec

  constructor(options: OperatorClientOptions) {
    this.#requester = new Requester(options)
    this.#codec = codec(options.codec ?? 'json')
  }

  /**
   * A call to a master. Calls that only do something are answered by an empty response.
   * @throws MesosError; `invalid_call` for SUBSCRIBE, whose answer never ends
   */
  call(call: MasterCall): Promise<MasterResponse> {
    return this.#call('master.Call', call, 'master.Response')
  }

  /**
   * A call to an agent.
   * @throws MesosError; `invalid_call` for calls whose answer is a stream
   */
  agentCall(call: AgentCall): Promise<AgentResponse> {
    return this.#call('agent.Call', call, 'agent.Response')
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

  /** Breaks what is under way. */
  close(): void {
    this.#requester.close()
  }

  async #call<K extends MessageName & `${string}.Call`, R extends MessageName & `${string}.Response`>(
    type: K,
    call: Messages[K],
    response: R,
  ): Promise<Messages[R]> {
    if (call.type !== undefined && streaming.has(call.type)) {
      throw new MesosError(
        'invalid_call',
        `${call.type}: its answer is a stream, which this client does not read`,
      )
    }
    const body = this.#codec.encode(type, call)
    const { contentType } = this.#codec
    const headers = { 'Content-Type': contentType, Accept: contentType }
    const answer = await this.#requester.fetch('POST', '/api/v1', headers, body)
    const reader = codecOf(answer.contentType) ?? this.#codec
    // "done" has no body; as JSON that is the empty message, as it is in protobuf
    const bytes = answer.bytes.length === 0 && reader.name === 'json' ? EMPTY_JSON : answer.bytes
    return reader.decode(response, bytes)
  }
}

const EMPTY_JSON = new TextEncoder().encode('{}')

const streaming: ReadonlySet<string> = new Set([
  'SUBSCRIBE',
  'LAUNCH_NESTED_CONTAINER_SESSION',
  'ATTACH_CONTAINER_INPUT',
  'ATTACH_CONTAINER_OUTPUT',
])
