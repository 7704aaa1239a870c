// Which launcher an executor gets: a process, Mesos' command executor, or a simulation.
import type { Clock } from '../core/clock.ts'
import type { Agent } from './agent.ts'
import { CommandExecutor } from './command-executor.ts'
import type { Launcher } from './context.ts'
import { InProcessLauncher } from './in-process.ts'
import { ProcessLauncher, type ProcessLauncherOptions } from './process-launcher.ts'
import { SimulatedExecutor, type Simulation } from './simulated.ts'

export interface LaunchersOptions extends ProcessLauncherOptions {
  readonly clock: Clock
  readonly newUuid: () => string
  readonly simulation: Simulation | undefined
  /** The agent of now. */
  readonly agent: () => Agent | undefined
}

export class Launchers implements Launcher {
  readonly #custom: Launcher
  readonly #command: Launcher
  readonly #inProcess: InProcessLauncher

  constructor(o: LaunchersOptions) {
    const processes = new ProcessLauncher(o)
    const { simulation, clock } = o
    this.#inProcess = new InProcessLauncher({
      newUuid: o.newUuid,
      journal: o.journal,
      agent: o.agent,
      make: made =>
        simulation === undefined
          ? new CommandExecutor({ ...made, clock, processes: o.host, start: processes })
          : new SimulatedExecutor(made, clock, simulation),
    })
    this.#command = this.#inProcess
    this.#custom = simulation === undefined ? processes : this.#inProcess
  }

  launch: Launcher['launch'] = (executor, framework, task, events) =>
    this.#for(executor.kind).launch(executor, framework, task, events)

  recover: Launcher['recover'] = (executor, pid, startTime, exited) =>
    this.#for(executor.kind).recover(executor, pid, startTime, exited)

  /** Ends the executors inside this process; processes are the host's. */
  close(): void {
    this.#inProcess.close()
  }

  #for(kind: 'custom' | 'command'): Launcher {
    return kind === 'command' ? this.#command : this.#custom
  }
}
