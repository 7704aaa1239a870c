// A container task: from its image to the end of its container, as a RunningTask. Whatever the engine does, `ended` resolves
// once, in bounded time after a kill. Decides nothing about the task's state.
import { pause } from '../clock.ts'
import type { RunningTask, TaskContext, TaskEnd, TaskStart } from '../types.ts'
import type { Attachment } from './attach.ts'
import { untilExit, type ContainerExit } from './container-exit.ts'
import { containerName, containerSpec } from './container-spec.ts'
import type { ContainerState, DockerEngine } from './engine.ts'
import { DockerError } from './errors.ts'
import { parseImage } from './image-reference.ts'
import { ParameterError } from './parameters.ts'
import { registryAuth } from './registry-auth.ts'

const defaultTimes = {
  /** How long a container may survive SIGKILL before the engine is blamed. */
  unkillableMs: 30_000,
  /** Between tries while the engine is away. */
  retryMs: 1000,
}

/** How long the engine may take to tell that a container ran out of memory after it told its end. */
const lateOomMs = 500

/** Starts at once. `dispose` must be called after `ended`: it removes the container. */
export function startContainerTask(
  engine: DockerEngine,
  context: TaskContext,
  times: Partial<typeof defaultTimes> = {},
): RunningTask {
  return new ContainerTask(engine, context, { ...defaultTimes, ...times })
}

type Phase =
  /** Nothing runs; a kill gives up the preparation. */
  | { readonly name: 'preparing' }
  | { readonly name: 'running'; readonly id: string; readonly stopSignal: string }
  | { readonly name: 'over' }

class ContainerTask implements RunningTask {
  readonly started: Promise<TaskStart>
  readonly ended: Promise<TaskEnd>

  readonly #engine: DockerEngine
  readonly #context: TaskContext
  readonly #times: typeof defaultTimes
  readonly #start = Promise.withResolvers<TaskStart>()
  /** Aborted by a kill before the start. */
  readonly #cancel = new AbortController()
  /** Aborted when the task is over: ends every wait. */
  readonly #over = new AbortController()
  readonly #unkillable = Promise.withResolvers<DockerError>()
  #phase: Phase = { name: 'preparing' }
  /** Whether there may be a container to remove. */
  #asked = false
  #containerId: string | undefined
  #startedAtMs: number | undefined
  /** When KILL follows TERM, monotonic; Infinity until the first kill(). */
  #killAtMs = Infinity
  #cancelTimer: () => void = () => undefined

  constructor(engine: DockerEngine, context: TaskContext, times: typeof defaultTimes) {
    this.#engine = engine
    this.#context = context
    this.#times = times
    this.started = this.#start.promise
    this.ended = this.#run()
  }

  kill(graceMs: number): void {
    const first = this.#killAtMs === Infinity
    const killAtMs = this.#context.clock.monotonicMs() + graceMs
    if (killAtMs >= this.#killAtMs) return
    this.#killAtMs = killAtMs
    this.#cancel.abort()
    if (this.#phase.name === 'running') this.#stop(first)
  }

  async dispose(): Promise<void> {
    if (this.#asked) await this.#engine.removals.remove(this.#containerId ?? this.#name)
  }

  get #name(): string {
    return containerName(this.#context.mesosTaskId)
  }

  async #run(): Promise<TaskEnd> {
    try {
      const id = await this.#create()
      const attachment = await this.#attach(id)
      this.#stopIfCancelled()
      await this.#engine.start(id)
      await this.#running(id)
      return this.#explain(await this.#withLateOom(await this.#untilEnd(id, attachment)))
    } catch (error) {
      return await this.#failed(error)
    } finally {
      this.#phase = { name: 'over' }
      this.#cancelTimer()
      this.#over.abort()
    }
  }

  #stopIfCancelled(): void {
    if (this.#cancel.signal.aborted)
      throw new DockerError('cancelled', 'It was killed before its container was started')
  }

  /** Creating first saves a question in the common case: the engine says itself that it lacks the image. */
  async #create(): Promise<string> {
    const { payload, logger, mesosTaskId } = this.#context
    if (parseImage(payload.image ?? '') === undefined)
      throw new DockerError('bad_request', `${payload.image} is no image's name`, { operation: 'pull' })
    const spec = containerSpec(this.#context)
    if (payload.docker?.forcePull) await this.#pull()
    let pulled = payload.docker?.forcePull ?? false
    let cleared = false
    for (;;) {
      this.#stopIfCancelled()
      try {
        this.#asked = true
        const { id, warnings } = await this.#engine.create(this.#name, spec)
        this.#containerId = id
        for (const warning of warnings) logger.info('container created', { task: mesosTaskId, warning })
        return id
      } catch (error) {
        const { kind, message, outcomeUnknown } = DockerError.from(error)
        this.#asked = outcomeUnknown
        if (kind === 'not_found' && /no such image/i.test(message) && !pulled) {
          pulled = true
          await this.#pull()
        } else if (kind === 'conflict' && !cleared) {
          cleared = true
          await this.#clearName()
        } else throw error
      }
    }
  }

  async #pull(): Promise<void> {
    const { payload, settings, logger, mesosTaskId } = this.#context
    const image = payload.image ?? ''
    this.#stopIfCancelled()
    const auth = await registryAuth(parseImage(image)?.registry ?? '', settings.registryAuthFile)
    logger.info('pulling an image', { task: mesosTaskId, image })
    await this.#engine.pull(image, auth, this.#cancel.signal)
  }

  /** Removes what an executor before us left of this very task; a stranger's container of that name stays. */
  async #clearName(): Promise<void> {
    const mine = await this.#engine.list({ labels: [`juice.mesos-task=${this.#context.mesosTaskId}`] })
    for (const { id } of mine) await this.#engine.remove(id, { force: true, volumes: true })
  }

  async #attach(id: string): Promise<Attachment> {
    const attachment = await this.#engine.attach(id, this.#context.logs)
    this.#over.signal.addEventListener('abort', () => attachment.detach(), { once: true })
    return attachment
  }

  async #running(id: string): Promise<void> {
    const state = await this.#engine.inspect(id).catch((): Partial<ContainerState> => ({}))
    const startedAtMs = state.startedAtMs ?? this.#context.clock.wallMs()
    this.#startedAtMs = startedAtMs
    this.#phase = { name: 'running', id, stopSignal: state.stopSignal ?? 'SIGTERM' }
    this.#start.resolve({ startedAtMs, containerId: id })
    if (this.#killAtMs !== Infinity) this.#stop(true)
  }

  /** How the container ended. @throws DockerError where the engine is lost, or can't kill it. */
  async #untilEnd(id: string, attachment: Attachment): Promise<ContainerExit> {
    const signal = this.#over.signal
    const given = await Promise.race([
      untilExit({
        engine: this.#engine,
        id,
        attachment,
        attachAgain: () => this.#attach(id),
        clock: this.#context.clock,
        retryMs: this.#times.retryMs,
        signal,
      }),
      this.#engine.lost(signal),
      this.#unkillable.promise,
    ])
    if (!(given instanceof DockerError)) return given
    // The end of the output may be what never came.
    const state = await this.#engine.inspect(id).catch(() => undefined)
    if (state === undefined || state.running) throw given
    return { ...state, interrupted: false }
  }

  #stop(first: boolean): void {
    if (this.#phase.name !== 'running') return
    const { id, stopSignal } = this.#phase
    const { clock } = this.#context
    const graceMs = Math.max(0, this.#killAtMs - clock.monotonicMs())
    // One that doesn't run any more answers with a conflict; an engine that doesn't answer is met again by KILL.
    if (first && graceMs > 0) void this.#engine.kill(id, stopSignal).catch(() => undefined)
    this.#cancelTimer()
    this.#cancelTimer = clock.after(graceMs, () => void this.#killNow(id))
  }

  async #killNow(id: string): Promise<void> {
    const { clock } = this.#context
    const { unkillableMs, retryMs } = this.#times
    const giveUpAtMs = clock.monotonicMs() + unkillableMs
    let problem = `it still runs ${unkillableMs / 1000} s after SIGKILL`
    this.#cancelTimer = clock.after(unkillableMs, () =>
      this.#unkillable.resolve(new DockerError('engine', `the container could not be killed: ${problem}`)),
    )
    while (this.#phase.name === 'running' && clock.monotonicMs() < giveUpAtMs) {
      try {
        await this.#engine.kill(id, 'SIGKILL')
        return
      } catch (error) {
        const { kind, message } = DockerError.from(error)
        if (kind === 'conflict' || kind === 'not_found') return
        problem = message
        await pause(clock, retryMs)
      }
    }
  }

  /** SIGKILL by nobody we know: the kernel's word may come later than the exit. */
  async #withLateOom(exit: ContainerExit): Promise<ContainerExit> {
    const isUnexplained = exit.exitCode === 137 && !exit.oomKilled && this.#killAtMs === Infinity
    if (!isUnexplained || !this.#context.payload.memMb) return exit
    const sinceMs = exit.startedAtMs ?? 0
    return { ...exit, oomKilled: await this.#engine.ranOutOfMemory(exit.id, sinceMs, lateOomMs) }
  }

  #explain(state: ContainerExit): TaskEnd {
    const { exitCode, oomKilled, interrupted } = state
    const startedAtMs = this.#startedAtMs ?? 0
    // The engine notes the start of a very short one after its end.
    const finishedAtMs = Math.max(startedAtMs, state.finishedAtMs ?? this.#context.clock.wallMs())
    const end: TaskEnd = { ...this.#facts(), exitCode, finishedAtMs }
    // The kernel's killer may have taken a child only, and the task got over it.
    if (oomKilled && exitCode !== 0) {
      const message = `Out of memory: the container reached its limit of ${this.#context.payload.memMb} MB`
      return { ...end, oom: true, failure: 'FAILURE_OOM', message }
    }
    if (interrupted && exitCode !== 0 && this.#killAtMs === Infinity) {
      const message = `The Docker engine went away while the container ran, which ended with exit code ${exitCode}`
      return { ...end, failure: 'FAILURE_ENGINE', message }
    }
    return end
  }

  async #failed(thrown: unknown): Promise<TaskEnd> {
    if (thrown instanceof ParameterError)
      return { ...this.#facts(), failure: 'FAILURE_START', message: thrown.message }
    const error = DockerError.from(thrown)
    const end = { ...this.#facts(), message: sentence(error.message) }
    if (error.kind === 'cancelled') return end
    if (error.imageFault) return { ...end, failure: 'FAILURE_IMAGE' }
    if (!error.specFault) return { ...end, failure: 'FAILURE_ENGINE' }
    // 127: no such command, 126: not executable, as docker run has it; the engine notes them in the container.
    const state = this.#containerId && (await this.#engine.inspect(this.#containerId).catch(() => undefined))
    const exitCode = state ? state.exitCode : 0
    const known = exitCode === 126 || exitCode === 127
    return { ...end, failure: 'FAILURE_START', ...(known ? { exitCode } : {}) }
  }

  #facts(): TaskEnd {
    return {
      oom: false,
      finishedAtMs: this.#context.clock.wallMs(),
      ...(this.#containerId === undefined ? {} : { containerId: this.#containerId }),
      ...(this.#startedAtMs === undefined ? {} : { startedAtMs: this.#startedAtMs }),
    }
  }
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1)
}
