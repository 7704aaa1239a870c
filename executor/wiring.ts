// The one map of how the executor's parts are built; what is opened here is closed here, in reverse.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutorClient, newUuid, readTls } from 'mesos-http-client'
import type { ExecutorEnvironment, ExecutorEventSubscribed, Resource } from 'mesos-http-client'
import { askDiskQuota, type DiskQuota } from './agent-quota.ts'
import { Attempt, ContainersUnavailable, type AttemptTools } from './attempt.ts'
import { systemClock, within } from './clock.ts'
import { startCommandTask } from './command/command-task.ts'
import { MemoryWatch } from './command/memory.ts'
import { BlockPool } from './log-buffer.ts'
import { PipePool } from './command/pipes.ts'
import { ProcessTable } from './command/processes.ts'
import { Users, type UnixUser } from './command/users.ts'
import { Containers, recordedDockerHost } from './containers.ts'
import { DockerEngine } from './docker/engine.ts'
import type { HostIdentity } from './docker/sweep.ts'
import { defaultFetchLimits } from './fetch.ts'
import { folderBytes } from './disk.ts'
import { planDisk } from './disk-plan.ts'
import { DiskRoom } from './disk-room.ts'
import { EndedFolders, removeFolder } from './folders.ts'
import { reasonOf } from './logger.ts'
import { defaultConfig } from './machine.ts'
import { holdOwnerSocket, hostIdentity } from './owner.ts'
import { Runner, type TaskHandle } from './runner.ts'
import { letOthersPass } from './sandbox.ts'
import { defaultSettings, readSettings } from './settings.ts'
import { sweepOrphanProcesses, sweepOwn } from './sweep.ts'
import type { Logger } from './types.ts'

/** A hung engine must not keep command tasks from starting. */
const startSweepMs = 20_000
const ownSweepMs = 20_000
const diskCheckMs = 2000
/** To find out how the agent holds disk: a start must not wait for it. */
const quotaLimitMs = 1000
const clock = systemClock

export interface RunOptions {
  readonly mesos: ExecutorEnvironment
  readonly owner: string
  /** For the programs that help. */
  readonly env: NodeJS.ProcessEnv
  readonly logger: Logger
  /** Aborted by a signal to this process. */
  readonly stop: AbortSignal
}

/** Serves the agent until it is over. @returns 0 where nothing of its tasks is left. */
export async function run(o: RunOptions): Promise<number> {
  const { mesos, owner, logger } = o
  await using resources = new AsyncDisposableStack()
  const socket = await holdOwnerSocket(owner)
  resources.defer(() => void socket.close())
  const host = await hostIdentity()
  const tls =
    mesos.tls && mesos.domainSocket === undefined ? await readTls(mesos.tls, mesos.agentEndpoint) : undefined
  const [usedBytes, quota] = await Promise.all([
    folderBytes(mesos.sandbox),
    askDiskQuota({
      url: `${mesos.tls === undefined ? 'http' : 'https'}://${mesos.agentEndpoint}`,
      ca: tls?.ca,
      limitMs: quotaLimitMs,
      logger,
    }),
  ])
  const tools = new Tools(o, resources, { host, usedBytes, quota })
  const runner = new Runner({
    config: {
      ...defaultConfig,
      executorId: mesos.executorId,
      tasksDir: join(mesos.sandbox, 'tasks'),
      shutdownGraceMs: mesos.shutdownGracePeriodMs,
    },
    idleTimeoutMs: defaultSettings.idleTimeoutMs,
    clock,
    logger,
    newUuid,
    connect: handlers =>
      new ExecutorClient({
        endpoint: tls === undefined ? mesos.agentEndpoint : `https://${mesos.agentEndpoint}`,
        tls,
        domainSocket: mesos.domainSocket,
        agentProcess: mesos.agentProcess,
        frameworkId: mesos.frameworkId,
        executorId: mesos.executorId,
        codec: 'protobuf',
        token: mesos.token,
        checkpoint: mesos.checkpoint,
        recoveryTimeoutMs: mesos.recoveryTimeoutMs,
        subscriptionBackoffMaxMs: mesos.subscriptionBackoffMaxMs,
        onSkipped: reason => logger.warn('an event was skipped', { reason: reason.message }),
        ...handlers,
      }),
    onSubscribed: subscribed => tools.learn(subscribed),
    startSweep: () => tools.startSweep(),
    startTask: (task, payload, report): TaskHandle =>
      new Attempt(task.task_id.value, payload, tools.forAttempts(), report),
  })
  o.stop.addEventListener('abort', () => runner.shutdown())
  if (o.stop.aborted) runner.shutdown()
  const code = await runner.run()
  const owed = tools.owed
  if (owed.length > 0) logger.error('containers are left', { owed })
  return code === 0 && owed.length > 0 ? 1 : code
}

/** What attempts need; complete once the first subscription told the settings and where we are. */
class Tools {
  readonly #o: RunOptions
  readonly #host: HostIdentity
  readonly #resources: AsyncDisposableStack
  readonly #users: Users
  readonly #room: DiskRoom
  /** In the sandbox before the first task. */
  readonly #usedBytes: number
  readonly #quota: DiskQuota
  readonly #command: Parameters<typeof startCommandTask>[2]
  #attempts: AttemptTools | undefined
  #containers: Containers | { readonly problem: string } = { problem: 'not subscribed' }
  #othersPass: Promise<void> | undefined

  constructor(
    o: RunOptions,
    resources: AsyncDisposableStack,
    {
      host,
      usedBytes,
      quota,
    }: { readonly host: HostIdentity; readonly usedBytes: number; readonly quota: DiskQuota },
  ) {
    const { owner, env, logger, mesos } = o
    this.#o = o
    this.#host = host
    this.#usedBytes = usedBytes
    this.#quota = quota
    this.#resources = resources
    const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    this.#users = new Users({ self, env })
    const folders = new EndedFolders({ clock, logger, remove: removeFolder(env) })
    this.#room = new DiskRoom({ clock, folders, intervalMs: diskCheckMs })
    resources.defer(() => this.#room.close())
    const table = new ProcessTable({ owner, clock })
    const memory = new MemoryWatch({ table, clock })
    resources.defer(() => memory.close())
    const pipes = new PipePool({ dir: join(mesos.sandbox, '.pipes'), env })
    resources.defer(() => pipes.close())
    const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find(path => existsSync(path))
    this.#command = { owner, self, table, memory, pipes, ...(setpriv === undefined ? {} : { setpriv }) }
  }

  /** The first subscription decides; a later one says the same of this executor. */
  learn({ executor_info, framework_info, agent_info }: ExecutorEventSubscribed): AttemptTools['settings'] {
    if (this.#attempts) return this.#attempts.settings
    const { logger, owner, mesos, env } = this.#o
    const { settings, problem } = readSettings(executor_info.data)
    if (problem) logger.error('defaults are used', { problem })
    const diskMb = diskOf(executor_info.resources)
    const isEnforced = this.#quota !== 'none'
    const plan = planDisk({ diskMb, usedBytes: this.#usedBytes, isEnforced, settings })
    this.#room.use(plan, settings.sandboxRetentionMs)
    const disk = {
      askedMb: diskMb,
      quota: this.#quota,
      usedBytes: this.#usedBytes,
      roomBytes: plan.roomBytes,
    }
    logger.info('disk', disk)
    this.#containers = this.#openEngine(settings.dockerHost)
    this.#attempts = {
      blocks: new BlockPool(),
      tasksDir: join(mesos.sandbox, 'tasks'),
      hostname: agent_info.hostname,
      settings,
      clock,
      logger,
      fetchLimits: defaultFetchLimits,
      diskCheckMs,
      env,
      labels: (mesosTaskId, payload) => ({
        'juice.framework': framework_info.id?.value ?? mesos.frameworkId,
        'juice.agent': agent_info.id?.value ?? '',
        'juice.executor': mesos.executorId,
        'juice.task': String(payload.taskId ?? ''),
        'juice.attempt': String(payload.attempt ?? ''),
        'juice.mesos-task': mesosTaskId,
        'juice.service': payload.service ?? '',
        'juice.owner': owner,
        'juice.netns': this.#host.netns,
        'juice.boot': this.#host.boot,
      }),
      user: name => this.#user(name),
      startCommand: (context, user) => startCommandTask(context, user, this.#command),
      startContainer: context => {
        if (this.#containers instanceof Containers) return this.#containers.start(context)
        return Promise.reject(new ContainersUnavailable(this.#containers.problem))
      },
      lendLogs: taskDiskMb => this.#room.lendLogs(taskDiskMb),
      watchShared: (dir, onExceeded) => this.#room.watch(dir, onExceeded),
      folderEnded: dir => this.#room.ended(dir),
    }
    return settings
  }

  forAttempts(): AttemptTools {
    if (!this.#attempts) throw new Error('a task came before SUBSCRIBED')
    return this.#attempts
  }

  async startSweep(): Promise<void> {
    const { owner, logger } = this.#o
    await sweepOrphanProcesses({ owner, host: this.#host, clock, logger })
    if (!(this.#containers instanceof Containers)) return
    const swept = this.#containers.sweep().then(
      () => 'swept' as const,
      (error: unknown) => `no sweep of containers: ${reasonOf(error)}`,
    )
    const outcome = await within(clock, startSweepMs, swept, 'the sweep of containers takes long')
    if (outcome !== 'swept') logger.warn(outcome)
  }

  get owed(): readonly string[] {
    return this.#containers instanceof Containers ? this.#containers.owed : []
  }

  #openEngine(dockerHost: string): Containers | { readonly problem: string } {
    try {
      const { logger, mesos } = this.#o
      const containers = new Containers({ dockerHost, host: this.#host, dir: mesos.sandbox, clock, logger })
      this.#resources.defer(() => containers.close())
      return containers
    } catch (error) {
      return { problem: `The Docker engine is not to be had: ${reasonOf(error)}` }
    }
  }

  async #user(name: string): Promise<UnixUser> {
    const user = await this.#users.resolve(name)
    if (user.uid !== this.#command.self.uid) await (this.#othersPass ??= this.#letOthersPass())
    return user
  }

  async #letOthersPass(): Promise<void> {
    const closed = await letOthersPass(this.#o.mesos.sandbox)
    if (closed.length > 0)
      this.#o.logger.warn(
        'tasks of other users reach their sandbox as working folder only, not by its path',
        {
          closed,
        },
      )
  }
}

/** What Mesos was asked for, MB. */
function diskOf(resources: readonly Resource[] = []): number {
  const disk = resources.filter(({ name }) => name === 'disk')
  return disk.reduce((sum, { scalar }) => sum + (scalar?.value ?? 0), 0)
}

/** Cleans up after the `run` with this owner, which is dead. @returns 0 where nothing is left. */
export async function sweep(o: {
  readonly dir: string
  readonly owner: string
  readonly logger: Logger
}): Promise<number> {
  const { owner, logger } = o
  const dockerHost = await recordedDockerHost(o.dir)
  const engine = dockerHost === undefined ? undefined : new DockerEngine({ dockerHost, clock, logger })
  // The clock's timers don't keep a process alive, and between two looks nothing else would.
  const alive = setInterval(() => undefined, 1000)
  try {
    return (await sweepOwn({ owner, engine, clock, logger, timeoutMs: ownSweepMs })) ? 0 : 1
  } finally {
    clearInterval(alive)
    await engine?.close()
  }
}
