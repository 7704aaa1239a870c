// Finds and removes containers whose executor is gone (E42). An orphan is one whose owner does not answer, never merely one of
// another executor: two agents and two versions may share one engine.
import { connect } from 'node:net'
import type { ContainerEngine, ListedContainer } from '../types.ts'

export interface HostIdentity {
  /** Inode number of our network namespace: an owner's socket can be asked only in its own. */
  readonly netns: string
  readonly boot: string
}

export interface SweepReport {
  readonly removed: readonly string[]
  /** What could not be removed, with the reason. */
  readonly failed: readonly { readonly id: string; readonly error: unknown }[]
}

/**
 * Containers of Juice whose owner is known to be gone: this host has booted since, or the owner's socket in our network
 * namespace refuses. All others are left alone.
 * @param ownerAnswers for tests; asks the socket.
 */
export async function listOrphans(
  engine: ContainerEngine,
  host: HostIdentity,
  ownerAnswers: (owner: string) => Promise<boolean> = askOwner,
): Promise<readonly ListedContainer[]> {
  const containers = await engine.list({ labels: ['juice.owner', 'juice.mesos-task'] })
  const answers = new Map<string, Promise<boolean>>()
  const isOrphan = async ({ labels }: ListedContainer): Promise<boolean> => {
    const owner = labels['juice.owner'] ?? ''
    const boot = labels['juice.boot'] ?? ''
    if (owner === '' || boot === '') return false
    if (boot !== host.boot) return true
    if (labels['juice.netns'] !== host.netns) return false
    const answer = answers.get(owner) ?? ownerAnswers(owner)
    answers.set(owner, answer)
    return !(await answer)
  }
  const orphans = await Promise.all(containers.map(async found => ((await isOrphan(found)) ? [found] : [])))
  return orphans.flat()
}

/** Removes every orphan, running or not. Never rejects for a single container; rejects where the engine doesn't answer. */
export async function removeOrphans(
  engine: ContainerEngine,
  host: HostIdentity,
  ownerAnswers?: (owner: string) => Promise<boolean>,
): Promise<SweepReport> {
  return removeAll(engine, await listOrphans(engine, host, ownerAnswers))
}

/** Removes every container of `owner`, whether it answers or not: for the owner's own parent, after its end. */
export async function removeOwned(engine: ContainerEngine, owner: string): Promise<SweepReport> {
  return removeAll(engine, await engine.list({ labels: [`juice.owner=${owner}`] }))
}

async function removeAll(
  engine: ContainerEngine,
  containers: readonly ListedContainer[],
): Promise<SweepReport> {
  const removed: string[] = []
  const failed: { id: string; error: unknown }[] = []
  const remove = async ({ id }: ListedContainer): Promise<void> => {
    try {
      await engine.remove(id, { force: true, volumes: true })
      removed.push(id)
    } catch (error) {
      failed.push({ id, error })
    }
  }
  await Promise.all(containers.map(remove))
  return { removed, failed }
}

/** The abstract socket that a living executor listens on. */
export function ownerSocket(owner: string): string {
  return `\0juice-${owner}`
}

/** Whether the owner's socket in our network namespace takes a connection. Anything but a refusal counts as an answer. */
export async function askOwner(owner: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ path: ownerSocket(owner) })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(5000, () => done(true))
    socket.on('connect', () => done(true))
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code !== 'ECONNREFUSED'))
  })
}
