// The links between the agents of a local cluster and the master that leads: made when both are there, silent while an
// agent is suspended, cut when a master ends.
import type { Agent } from './agent/agent.ts'
import type { Clock } from './core/clock.ts'
import { Link } from './core/cluster.ts'
import type { Master } from './master/master.ts'

export interface LinksOptions {
  readonly clock: Clock
  /** A suspended agent is given up after so long. */
  readonly agentTimeoutMs: number
  /** The one that leads. */
  readonly master: () => Master | undefined
  readonly isSuspended: (agent: Agent) => boolean
}

export class Links {
  readonly #o: LinksOptions
  readonly #links = new Map<Agent, Link>()

  constructor(options: LinksOptions) {
    this.#o = options
  }

  /** Links an agent to the master of now, if there is one; else the next master's start does it. */
  connect(agent: Agent): void {
    const master = this.#o.master()
    if (master === undefined || this.#links.has(agent) || this.#o.isSuspended(agent)) return
    const link = new Link({
      masterBox: master.mailbox,
      agentBox: agent.mailbox,
      onMaster: (message, own) => master.onAgentMessage(message, own),
      onAgent: (message, own) => agent.onMasterMessage(message, own),
      onCutAtMaster: own => {
        this.#links.delete(agent)
        master.onAgentCut(own)
      },
      onCutAtAgent: own => {
        this.#links.delete(agent)
        agent.onLinkCut(own)
        // The master broke the connection but lives: back to it, as an agent that is told it is unknown.
        if (this.#o.master() === master && agent.phase === 'disconnected') this.connect(agent)
      },
    })
    this.#links.set(agent, link)
    agent.connect(link)
  }

  /** The link stands but is silent; after the ping time-outs the master gives the agent up. */
  suspend(agent: Agent): void {
    const link = this.#links.get(agent)
    link?.hold()
    this.#o.clock.after(this.#o.agentTimeoutMs, () => {
      if (link !== undefined && this.#links.get(agent) === link && this.#o.isSuspended(agent)) {
        this.#o.master()?.pingsFailed(agent.id)
      }
    })
  }

  resume(agent: Agent): void {
    const link = this.#links.get(agent)
    if (link !== undefined) link.release()
    else if (agent.phase === 'disconnected') this.connect(agent)
  }

  /** All of them: the master ends. */
  cut(): void {
    for (const link of this.#links.values()) link.cut()
  }
}
