// Plays one recording against a live LocalMesos: sends its requests, does its actions, and holds every answer and
// event against the recorded one. Stub processes stand where the recorder's stood; their HTTP calls are made here.
import { setTimeout as pause } from 'node:timers/promises'
import type { LocalAgent } from '../local-agent.ts'
import { LocalMesos } from '../local-mesos.ts'
import { RawClient } from '../testing/raw-client.ts'
import { checkHead } from './answers.ts'
import { agentOptions, texts } from './cluster.ts'
import { fieldOf, LiveStream } from './live-stream.ts'
import { Mapping, shapeDifference, withoutDeprecated } from './mapping.ts'
import { Sandboxes, withoutFolderSizes } from './sandboxes.ts'
import type { Scenario } from './scenarios.ts'
import { Origin } from './origin.ts'
import { RawConnection } from './raw-connection.ts'
import { liveBody, livePath } from './requests.ts'
import { noticeMs, Stubs } from './stubs.ts'
import { isStream, timeline, type Item } from './timeline.ts'
import { readTrace, type Trace, type TraceAction, type TraceExchange } from './trace.ts'
import { checkNodes } from './znodes.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'

const allocationIntervalMs = 200

export class Player {
  readonly #trace: Trace
  readonly #scenario: Scenario
  readonly #clock: VirtualClock
  readonly #startMs: number
  readonly #cluster: LocalMesos
  readonly #mapping: Mapping
  readonly #origin: Origin | undefined
  readonly #clients = new Map<string, RawClient>()
  readonly #streams = new Map<number, LiveStream>()
  readonly #stubs: Stubs
  readonly #toEnd: { readonly stream: LiveStream; readonly withLastChunk: boolean }[] = []

  #connection: RawConnection | undefined
  #sandboxes: Sandboxes | undefined

  private constructor(
    scenario: Scenario,
    trace: Trace,
    cluster: LocalMesos,
    clock: VirtualClock,
    origin: Origin | undefined,
  ) {
    this.#origin = origin
    this.#scenario = scenario
    this.#trace = trace
    this.#cluster = cluster
    this.#stubs = new Stubs(cluster)
    this.#clock = clock
    this.#startMs = clock.now()
    this.#mapping = new Mapping(texts(cluster, origin))
  }

  /** Throws at the first thing that is not as recorded. */
  static async play(scenario: Scenario): Promise<void> {
    const trace = readTrace(scenario.trace)
    const origin = trace.origin_requests === undefined ? undefined : await Origin.start()
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
      const player = new Player(scenario, trace, cluster, clock, origin)
      await player.#run()
    } finally {
      await origin?.close()
      await cluster.close()
    }
  }

  async #run(): Promise<void> {
    try {
      if (this.#scenario.sandboxes === 'made first') {
        this.#sandboxes = await Sandboxes.make(this.#cluster, this.#mapping, this.#trace)
      }
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
      this.#checkOrigin()
    } finally {
      this.#connection?.close()
      this.#sandboxes?.close()
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

  #url(to: string): string {
    if (to === 'master') return this.#cluster.url
    if (to === 'master2') return this.#cluster.masters[1]?.url ?? ''
    return this.#agent(to === 'agent2' ? 2 : 1)?.url ?? ''
  }

  #client(to: string): RawClient {
    const url = this.#url(to)
    const known = this.#clients.get(url)
    if (known !== undefined) return known
    const client = new RawClient(url)
    this.#clients.set(url, client)
    return client
  }

  async #request(index: number, exchange: TraceExchange): Promise<void> {
    const { request, response } = exchange
    if (request.raw !== undefined) return this.#raw(request.raw, exchange)
    const headers = Object.fromEntries(
      Object.entries(request.headers)
        .filter(([name]) => name !== 'Host' && name !== 'Content-Length')
        .map(([name, value]) => [name, this.#mapping.translate(value)]),
    )
    const body = liveBody(request, this.#mapping)
    await this.#prepare(exchange)
    const client = this.#client(exchange.to)
    const sent = {
      method: request.method,
      path: livePath(request.path, this.#mapping),
      headers,
      ...(body !== undefined && { body }),
    }
    if (isStream(exchange)) {
      const raw = await client.stream(sent)
      checkHead(this.#mapping, response, raw, request.body)
      const type = request.path.includes('executor') ? 'executor.Event' : 'scheduler.Event'
      this.#streams.set(index, new LiveStream(raw, type))
      return
    }
    const answer = await client.send(sent)
    this.#stubs.note()
    checkHead(this.#mapping, response, answer, request.body)
    const bytes = response.body_base64 ?? response.body_invalid_utf8_base64
    if (bytes !== undefined) {
      const live = answer.body.toString('base64')
      if (live !== bytes) throw new Error(`${request.path} has the bytes ${live}, not ${bytes}`)
      return
    }
    const text = answer.body.toString()
    const live: unknown = typeof response.body === 'string' ? text : JSON.parse(text)
    // Of pages only the shape; files are compared.
    const isPage = request.method === 'GET' && response.status === 200 && !request.path.startsWith('/files')
    const difference = isPage
      ? shapeDifference(response.body, live)
      : this.#mapping.match(withoutFolderSizes(withoutDeprecated(response.body)), withoutFolderSizes(live))
    if (difference !== undefined) throw new Error(`body differs: ${JSON.stringify(difference)}`)
  }

  /** Calls as text on one connection that is kept; their answers come in order. */
  async #raw(text: string, { responses = [] }: TraceExchange): Promise<void> {
    this.#connection ??= new RawConnection(this.#cluster.url)
    const answers = await this.#connection.send(this.#mapping.translate(text), responses.length)
    for (const [index, { status_line: line, headers, body }] of responses.entries()) {
      const live = answers[index]
      if (live === undefined) throw new Error(`no answer ${index}`)
      checkHead(this.#mapping, { status: Number(line.split(' ')[1]), headers }, live, line)
      const difference = this.#mapping.match(body, live.body)
      if (difference !== undefined) throw new Error(`body differs: ${JSON.stringify(difference)}`)
    }
  }

  #checkOrigin(): void {
    const recorded = (this.#trace.origin_requests ?? []).map(({ request }) => request).sort()
    const live = [...(this.#origin?.requests ?? [])].sort()
    if (recorded.join() !== live.join())
      throw new Error(`the origin saw ${live.join()}, not ${recorded.join()}`)
  }

  /** Waits for the stub whose call this is, and notes which executor was launched last. */
  async #prepare({ to, request, response }: TraceExchange): Promise<void> {
    const body = request.body ?? request.body_decoded
    if (to.startsWith('master')) {
      const found = /"executor_id":\s*\{"value":\s*"([^"]+)"/.exec(JSON.stringify(body ?? null))
      if (fieldOf(body, 'type') === 'ACCEPT' && found?.[1] !== undefined) {
        this.#stubs.launched(found[1])
      }
      return
    }
    const executorId = fieldOf(fieldOf(body, 'executor_id'), 'value')
    if (typeof executorId === 'string' && (response.status ?? 0) < 300) await this.#stubs.ready(executorId)
  }

  async #endStream(index: number, { response }: TraceExchange): Promise<void> {
    const stream = this.#streams.get(index)
    if (stream === undefined) return
    if (response.end === 'closed by client') {
      stream.raw.close()
      // The other side has to notice before time goes on.
      for (let tries = 0; tries < 2000 && this.#isConnected(stream); tries++) await pause(1)
      await pause(noticeMs)
      return
    }
    this.#toEnd.push({ stream, withLastChunk: response.last_chunk === true })
  }

  /** Whether the master still has this stream as a scheduler's. */
  #isConnected({ raw }: LiveStream): boolean {
    const id = raw.headers['Mesos-Stream-Id']
    return [...(this.#cluster.master?.state.frameworks.values() ?? [])].some(
      ({ phase }) => phase.name === 'connected' && phase.stream.id === id,
    )
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

  async #act({ action, environment, cwd, gone, files, znodes }: TraceAction): Promise<void> {
    const first = this.#agent(1)
    const exits = /^executor (\S+) process exits with code (\d)/.exec(action)
    const killed = /^executor (\S+) process is killed with signal (\d+)/.exec(action)
    if (exits !== null) return this.#stubs.signal(exits[1] ?? '', exits[2] === '0' ? 'SIGUSR1' : 'SIGUSR2')
    if (killed !== null) return this.#stubs.signal(killed[1] ?? '', killed[2] === '9' ? 'SIGKILL' : 'SIGTERM')
    if (environment !== undefined) return this.#stubs.checkEnvironment(environment, cwd ?? '', this.#mapping)
    if (files !== undefined) return this.#stubs.checkFiles(files)
    if (gone !== undefined) return this.#stubs.checkGone(gone, /^(\S+)'s process/.exec(action)?.[1])
    if (action.startsWith('agent1: kill -9')) await first?.stop()
    if (action.startsWith('agent1: started again')) await first?.start()
    if (action.startsWith('agent1: SIGSTOP')) first?.suspend()
    if (action.startsWith('agent1: SIGCONT')) first?.resume()
    if (action.startsWith('agent1: SIGUSR1')) first?.agent?.unregister()
    if (action.startsWith('agent2: SIGUSR1')) this.#agent(2)?.agent?.unregister()
    if (action.endsWith('the sandbox stays readable')) await this.#sandboxes?.end()
    if (action === 'leading master: kill -9' || action === 'master: kill -9') await this.#cluster.stopMaster()
    if (znodes !== undefined) checkNodes(znodes, this.#cluster.masters, this.#mapping)
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
