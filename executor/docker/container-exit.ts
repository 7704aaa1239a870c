// Learns how a started container ended, with all of its output, through whatever happens to the connections and to the engine.
import { pause, within } from '../clock.ts'
import type { Clock } from '../types.ts'
import type { Attachment } from './attach.ts'
import type { ContainerState, DockerEngine } from './engine.ts'
import { DockerError } from './errors.ts'

/** The state of a container that doesn't run any more. */
export interface ContainerExit extends ContainerState {
  /** It ended while the engine was away: its exit code may be the engine's doing. */
  readonly interrupted: boolean
}

export interface ExitOptions {
  readonly engine: Pick<DockerEngine, 'wait' | 'inspect'>
  readonly id: string
  /** Made before the start. */
  readonly attachment: Attachment
  readonly attachAgain: () => Promise<Attachment>
  readonly clock: Clock
  /** Between two tries to reach the engine. */
  readonly retryMs: number
  readonly signal: AbortSignal
}

/** The end of a container comes within this time of the end of its output, or it still runs. */
const settleMs = 1000
/** How long the rest of the output is read where the end of the stream can't be relied on. */
const drainMs = 2000

/**
 * Resolves when the container has ended and its output is read. Waits for an engine that is away, for ever.
 * @throws DockerError where the container is gone, or `cancelled` after the signal.
 */
export async function untilExit(options: ExitOptions): Promise<ContainerExit> {
  const { engine, id, clock, retryMs, signal } = options
  // The output's end comes first: then all of it is in the files when the end is told.
  await options.attachment.ended
  for (let met: ContainerState | undefined; ;) {
    try {
      await throughOutput(options, engine.wait(id, signal))
      return { ...(await engine.inspect(id)), interrupted: met?.running === false }
    } catch (error) {
      if (!DockerError.from(error).outcomeUnknown) throw error
      await pause(clock, retryMs)
      met = await engine.inspect(id).catch(() => met)
    }
  }
}

/**
 * Waits for the exit. Where that takes longer than it should after the output's end, the connection broke, or the container
 * closed its output: what it still says is then read from a new one (but for what it said meanwhile).
 */
async function throughOutput({ clock, attachAgain }: ExitOptions, exit: Promise<void>): Promise<void> {
  const exited = exit.then(() => true)
  if (await within(clock, settleMs, exited, false)) return
  // Attached to a container that has just ended, the engine would wait for its next start: so the exit counts.
  const attachment = attachAgain().catch(() => undefined)
  await exit
  await within(
    clock,
    drainMs,
    attachment.then(again => again?.ended),
    undefined,
  )
}
