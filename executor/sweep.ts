// Cleaning up after executors that died: after our own by its parent (`sweep`), after others by the next one that starts
// (E42). Ends only what carries an owner that is known to be dead.
import { statSync } from 'node:fs'
import { pause } from './clock.ts'
import { killMarked } from './command/processes.ts'
import { askOwner, removeOwned, type HostIdentity } from './docker/sweep.ts'
import { reasonOf } from './logger.ts'
import type { Clock, ContainerEngine, Logger } from './types.ts'

const retryMs = 250

/**
 * Everything of one dead executor: the processes of its command tasks, then its containers, again and again until none is
 * left. `engine` is absent where it never started a container. @returns whether nothing is left.
 */
export async function sweepOwn(o: {
  readonly owner: string
  readonly engine: ContainerEngine | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** For the containers; killing processes has its own bound. */
  readonly timeoutMs: number
}): Promise<boolean> {
  const { owner, engine, clock, logger } = o
  const processes = await killMarked(marked => Promise.resolve(marked.owner === owner), clock)
  logger.info('swept the processes of command tasks', { ...processes })
  return (engine === undefined || (await sweepContainers(engine, o))) && processes.gone
}

async function sweepContainers(
  engine: ContainerEngine,
  { owner, clock, logger, timeoutMs }: Parameters<typeof sweepOwn>[0],
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + timeoutMs
  // A request of the dead executor may still be at work inside the engine: one empty look is not enough.
  for (let emptyLooks = 0; emptyLooks < 2;) {
    try {
      const { removed, failed } = await removeOwned(engine, owner)
      logger.info('swept containers', {
        removed,
        failed: failed.map(({ id, error }) => [id, reasonOf(error)]),
      })
      emptyLooks = removed.length + failed.length === 0 ? emptyLooks + 1 : 0
    } catch (error) {
      logger.warn('the Docker engine could not be asked', { reason: reasonOf(error) })
      emptyLooks = 0
    }
    if (emptyLooks < 2 && clock.monotonicMs() >= untilMs) return false
    if (emptyLooks < 2) await pause(clock, retryMs)
  }
  return true
}

/** Ends the processes of command tasks whose executor, in our network namespace, doesn't answer any more. */
export async function sweepOrphanProcesses(o: {
  readonly owner: string
  readonly host: HostIdentity
  readonly clock: Clock
  readonly logger: Logger
  readonly ask?: (owner: string) => Promise<boolean>
}): Promise<void> {
  const { ask = askOwner } = o
  const answers = new Map<string, Promise<boolean>>([[o.owner, Promise.resolve(true)]])
  const isOrphan = async (marked: { readonly pid: number; readonly owner: string }): Promise<boolean> => {
    if (namespaceOf(marked.pid) !== o.host.netns) return false
    const answer = answers.get(marked.owner) ?? ask(marked.owner)
    answers.set(marked.owner, answer)
    return !(await answer)
  }
  const { met, gone } = await killMarked(isOrphan, o.clock)
  if (met > 0) o.logger.warn('ended processes that a dead executor left', { processes: met, gone })
}

function namespaceOf(pid: number): string | undefined {
  try {
    return String(statSync(`/proc/${pid}/ns/net`).ino)
  } catch {
    return undefined
  }
}
