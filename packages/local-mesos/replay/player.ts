// Plays one recording against a live LocalMesos: sends its requests, does its actions, and holds every answer and
// event against the recorded one. Stub processes stand where the recorder's stood; their HTTP calls are made here.
import { setTimeout as pause } from 'node:timers/promises'
import { codec, type SchedulerCall } from 'mesos-http-client'
import type { LocalAgent } from '../local-agent.ts'
import { LocalMesos } from '../local-mesos.ts'
import { RawClient } from '../testing/raw-client.ts'
import { fieldOf, LiveStream } from './live-stream.ts'
import { Mapping, shapeDifference, withoutDeprecated } from './mapping.ts'
import type { Scenario } from './scenarios.ts'
import { noticeMs, stubCommand, Stubs } from './stubs.ts'
import { isStream, timeline, type Item } from './timeline.ts'
import { readTrace, type Trace, type TraceAction, type TraceExchange } from './trace.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'

const allocationIntervalMs = 200

export class Player {
  readonly #trace: Trace
  readonly #scenario: Scenario
  readonly #clock: VirtualClock
  readonly #startMs: number
  readonly #cluster: LocalMesos
  readonly #mapping: Mapping
  readonly #clients = new Map<string, RawClient>()
  readonly #streams = new Map<number, LiveStream>()
  readonly #stubs: Stubs
  readonly #toEnd: { readonly stream: LiveStream; readonly withLastChunk: boolean }[] = []

  private constructor(scenario: Scenario, trace: Trace, cluster: LocalMesos, clock: VirtualClock) {
    this.#scenario = scenario
    this.#trace = trace
    this.#cluster = cluster
    this.#stubs = new Stubs(cluster)
    this.#clock = clock
    this.#startMs = clock.now()
    const first = cluster.agents.find(agent => agent.hostname === 'agent1.example')
    const second = cluster.agents.find(agent => agent.hostname === 'agent2.example')
    this.#mapping = new Mapping([
      ['127.0.0.1:5050', `127.0.0.1:${cluster.port}`],
      ['127.0.0.1:5051', `127.0.0.1:${first?.port ?? 0}`],
      ['127.0.0.1:5052', `127.0.0.1:${second?.port ?? 0}`],
      ['master.example', '127.0.0.1'],
      ['/var/lib/mesos2', second?.workDir ?? ''],
      ['/var/lib/mesos', first?.workDir ?? ''],
      ['/usr/libexec/example/executor', stubCommand],
      // A real agent took longer to find out that it is not there.
      ['/no/such/executor', 'sleep 0.3; /no/such/executor'],
    ])
  }

  /** Throws at the first thing that is not as recorded. */
  static async play(scenario: Scenario): Promise<void> {
    const trace = readTrace(scenario.trace)
    const clock = new VirtualClock(Date.UTC(2026, 10, 22))
    const cluster = await LocalMesos.start({
      clock,
      allocationIntervalMs,
      allocation: 'manual',
      agentTimeoutMs: 7000,
      agents: scenario.agents.map(agentOptions),
      ...scenario.options,
    })
    try {
      const player = new Player(scenario, trace, cluster, clock)
      await player.#run()
    } finally {
      await cluster.close()
    }
  }

  async #run(): Promise<void> {
    try {
      for (const item of timeline(this.#trace, allocationIntervalMs, this.#scenario.rounds)) {
        if (this.#scenario.skip?.some(({ holds }) => holds(item)) === true) continue
        await this.#clock.advanceTo(this.#startMs + item.atMs)
        try {
          await this.#do(item)
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error)
          throw new Error(`${this.#trace.scenario} at ${item.atMs} ms: ${text}`)
        }
      }
      await this.#checkEnds()
      this.#checkLeftOver()
    } finally {
      this.#stubs.close()
      for (const stream of this.#streams.values()) stream.raw.close()
      for (const client of this.#clients.values()) client.close()
    }
  }

  async #do(item: Item): Promise<void> {
    switch (item.kind) {
      case 'allocation':
        this.#cluster.master?.allocate()
        break
      case 'event':
        await this.#stubs.endBefore(item.event)
        await this.#streams.get(item.stream)?.expect(item.event, this.#mapping)
        break
      case 'end':
        await this.#endStream(item.stream, item.exchange)
        break
      case 'action':
        await this.#act(item.action)
        break
      case 'request':
        await this.#request(item.index, item.exchange)
        break
    }
  }

  #agent(number: 1 | 2): LocalAgent | undefined {
    return this.#cluster.agents.find(agent => agent.hostname === `agent${number}.example`)
  }

  #client(to: string): RawClient {
    const url = to === 'master' ? this.#cluster.url : (this.#agent(to === 'agent2' ? 2 : 1)?.url ?? '')
    const known = this.#clients.get(url)
    if (known !== undefined) return known
    const client = new RawClient(url)
    this.#clients.set(url, client)
    return client
  }

  async #request(index: number, exchange: TraceExchange): Promise<void> {
    const { request, response } = exchange
    const headers = Object.fromEntries(
      Object.entries(request.headers)
        .filter(([name]) => name !== 'Host' && name !== 'Content-Length')
        .map(([name, value]) => [name, this.#mapping.translate(value)]),
    )
    const body = this.#body(exchange)
    await this.#prepare(exchange)
    const client = this.#client(exchange.to)
    const sent = {
      method: request.method,
      path: this.#mapping.translate(request.path),
      headers,
      ...(body !== undefined && { body }),
    }
    if (isStream(exchange)) {
      const raw = await client.stream(sent)
      this.#checkHead(exchange, raw)
      const type = request.path.includes('executor') ? 'executor.Event' : 'scheduler.Event'
      this.#streams.set(index, new LiveStream(raw, type))
      return
    }
    const answer = await client.send(sent)
    this.#stubs.note()
    this.#checkHead(exchange, answer)
    const isPage = request.method === 'GET' && response.status === 200
    const text = answer.body.toString()
    const live: unknown = typeof response.body === 'string' ? text : JSON.parse(text)
    const difference = isPage
      ? shapeDifference(response.body, live)
      : this.#mapping.match(withoutDeprecated(response.body), live)
    if (difference !== undefined) throw new Error(`body differs: ${JSON.stringify(difference)}`)
  }

  #body({ request }: TraceExchange): string | Uint8Array | undefined {
    if (request.body_decoded !== undefined) {
      const type = request.path.includes('executor') ? 'executor.Call' : 'scheduler.Call'
      const json = Buffer.from(JSON.stringify(this.#call(request.body_decoded)))
      return codec('protobuf').encode(type, codec('json').decode(type, json))
    }
    if (request.body_base64 !== undefined) return Buffer.from(request.body_base64, 'base64')
    if (request.body === undefined || request.method === 'GET') return undefined
    if (typeof request.body === 'string') return this.#mapping.translate(request.body)
    return JSON.stringify(this.#call(request.body))
  }

  /** Uuids of agents' own updates are known only live. */
  #call(body: unknown): unknown {
    const call: unknown = this.#mapping.translate(body)
    const acknowledge = fieldOf(call, 'acknowledge')
    const uuid = fieldOf(acknowledge, 'uuid')
    if (typeof acknowledge !== 'object' || acknowledge === null || typeof uuid !== 'string') return call
    return {
      ...(call as SchedulerCall),
      acknowledge: { ...acknowledge, uuid: this.#mapping.liveUuid(uuid) },
    }
  }

  /** Waits for the stub whose call this is, and notes which executor was launched last. */
  async #prepare({ to, request, response }: TraceExchange): Promise<void> {
    const body = request.body ?? request.body_decoded
    if (to === 'master') {
      const found = /"executor_id":\s*\{"value":\s*"([^"]+)"/.exec(JSON.stringify(body ?? null))
      if (fieldOf(body, 'type') === 'ACCEPT' && found?.[1] !== undefined) {
        this.#stubs.launched(found[1])
      }
      return
    }
    const executorId = fieldOf(fieldOf(body, 'executor_id'), 'value')
    if (typeof executorId === 'string' && (response.status ?? 0) < 300) await this.#stubs.ready(executorId)
  }

  #checkHead(
    { request, response }: TraceExchange,
    live: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  ): void {
    if (live.status !== response.status) {
      throw new Error(`${JSON.stringify(request.body)} got ${live.status}, not ${response.status}`)
    }
    const recorded = Object.entries(response.headers ?? {}).filter(([name]) => name !== 'Content-Length')
    const names = (headers: object): string => Object.keys(headers).sort().join()
    if (names(response.headers ?? {}) !== names(live.headers)) {
      throw new Error(`headers ${names(live.headers)}, not ${names(response.headers ?? {})}`)
    }
    for (const [name, value] of recorded) {
      if (name === 'Date') continue
      const difference = this.#mapping.match(value, live.headers[name], `.${name}`)
      if (difference !== undefined) throw new Error(`header differs: ${JSON.stringify(difference)}`)
    }
  }

  async #endStream(index: number, { response }: TraceExchange): Promise<void> {
    const stream = this.#streams.get(index)
    if (stream === undefined) return
    if (response.end === 'closed by client') {
      stream.raw.close()
      // The other side has to notice before time goes on.
      await pause(noticeMs)
      return
    }
    this.#toEnd.push({ stream, withLastChunk: response.last_chunk === true })
  }

  /** Its cause may be written a millisecond after an end, so ends are looked at when all is over. */
  async #checkEnds(): Promise<void> {
    for (const { stream, withLastChunk } of this.#toEnd) {
      await stream.raw.until(({ end }) => end !== 'open', 2000)
      if (withLastChunk && stream.raw.end !== 'by server') {
        throw new Error(`stream ended ${stream.raw.end}, not with its last chunk`)
      }
    }
  }

  async #act({ action, environment, cwd, gone }: TraceAction): Promise<void> {
    const first = this.#agent(1)
    const exits = /^executor (\S+) process exits with code (\d)/.exec(action)
    const killed = /^executor (\S+) process is killed with signal (\d+)/.exec(action)
    if (exits !== null) return this.#stubs.signal(exits[1] ?? '', exits[2] === '0' ? 'SIGUSR1' : 'SIGUSR2')
    if (killed !== null) return this.#stubs.signal(killed[1] ?? '', killed[2] === '9' ? 'SIGKILL' : 'SIGTERM')
    if (environment !== undefined) return this.#stubs.checkEnvironment(environment, cwd ?? '', this.#mapping)
    if (gone !== undefined) return this.#stubs.checkGone(gone, /^(\S+)'s process/.exec(action)?.[1])
    if (action.startsWith('agent1: kill -9')) await first?.stop()
    if (action.startsWith('agent1: started again')) await first?.start()
    if (action.startsWith('agent1: SIGSTOP')) first?.suspend()
    if (action.startsWith('agent1: SIGCONT')) first?.resume()
    if (action.startsWith('agent1: SIGUSR1')) first?.agent?.unregister()
    if (action.startsWith('agent2: SIGUSR1')) this.#agent(2)?.agent?.unregister()
    if (action === 'master: kill -9') await this.#cluster.stopMaster()
    if (action === 'master: started again') await this.#cluster.startMaster()
  }

  #checkLeftOver(): void {
    for (const [index, stream] of this.#streams) {
      const more = stream.leftOver.filter(
        event => this.#scenario.more?.some(({ holds }) => holds(event)) !== true,
      )
      if (more.length > 0) {
        throw new Error(
          `${this.#trace.scenario}: stream ${index} has ${more.length} more: ${JSON.stringify(more.slice(0, 3))}`,
        )
      }
    }
  }
}

function agentOptions(number: 1 | 2): {
  hostname: string
  attributes: Record<string, string>
  resources: { cpus: number; memMb: number; diskMb: number; ports: [number, number][] }
} {
  return {
    hostname: `agent${number}.example`,
    attributes: { rack: `r${number}`, zone: `z${number}`, cores: '8', ports_ok: '[1-3]' },
    resources: {
      cpus: 8,
      memMb: 8192,
      diskMb: 8192,
      ports: [number === 1 ? [31_000, 31_099] : [31_100, 31_199]],
    },
  }
}
