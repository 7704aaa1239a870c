// What operators are told of agents, frameworks, executors and tasks: in answers and in the events of their stream.
import type { MasterResponse, MasterResponseGetAgentsAgent, Resource, Task } from 'mesos-http-client'
import { mesosVersion } from '../master/info.ts'
import type { Master } from '../master/master.ts'
import { agentState } from '../master/offers.ts'
import type { Agent, Framework, MasterTask } from '../master/state.ts'
import { Resources } from '../model/resources.ts'
import { commandWithDefaults } from './json-defaults.ts'
import { offeredOf, usedByFramework, usedOf } from './master-pages.ts'
import { agentCapabilities, agentPid, fullResources } from './page-parts.ts'

type GetTasks = NonNullable<MasterResponse['get_tasks']>
type GetFrameworks = NonNullable<MasterResponse['get_frameworks']>
type FrameworkMessage = NonNullable<GetFrameworks['frameworks']>[number]

/** What an operator is told of an agent that drains or has drained. */
function drainOf(master: Master, agent: Agent): Partial<MasterResponseGetAgentsAgent> {
  const info = master.context.registry.drainInfo(agent.id)
  if (info === undefined) return {}
  const startMs = agent.drainStartMs
  return {
    drain_info: info,
    ...(startMs !== undefined && {
      estimated_drain_start_time: nanoseconds(Math.floor(startMs / 1000) * 1000),
    }),
  }
}

/** Resources under a name, which is left out where there are none. */
function named<K extends string>(name: K, resources: Resources): Partial<Record<K, Resource[]>> {
  const all: Partial<Record<string, Resource[]>> = resources.isEmpty
    ? {}
    : { [name]: fullResources(resources) }
  return all
}

function nanoseconds(milliseconds: number): { nanoseconds: bigint } {
  return { nanoseconds: BigInt(Math.round(milliseconds)) * 1_000_000n }
}

export function agentMessage(master: Master, agent: Agent): MasterResponseGetAgentsAgent {
  return {
    agent_info: agent.info,
    active: agentState(master.context, agent) === 'active',
    deactivated: master.context.registry.isDeactivated(agent.id),
    version: mesosVersion,
    pid: agentPid(agent.info, master.context.settings.ip),
    ...drainOf(master, agent),
    registered_time: nanoseconds(agent.registeredAtMs),
    ...(agent.reregisteredAtMs !== undefined && { reregistered_time: nanoseconds(agent.reregisteredAtMs) }),
    ...named('total_resources', agent.total),
    ...named('allocated_resources', usedOf(agent)),
    ...named('offered_resources', offeredOf(master, agent)),
    capabilities: agentCapabilities.map(type => ({ type })),
  }
}

export function agentsMessage(master: Master): NonNullable<MasterResponse['get_agents']> {
  return {
    agents: [...master.state.agents.values()].map(agent => agentMessage(master, agent)),
    recovered_agents: [...master.state.recovering.values()].map(({ info }) => info),
  }
}

export function frameworkMessage(master: Master, framework: Framework): FrameworkMessage {
  const offers = [...master.state.offers.values()].filter(offer => offer.frameworkId === framework.id)
  const offered = offers.reduce((sum, offer) => sum.plus(offer.resources), Resources.none)
  return {
    framework_info: framework.info,
    active: framework.phase.name === 'connected',
    connected: framework.phase.name === 'connected',
    recovered: framework.phase.name === 'recovered',
    registered_time: nanoseconds(framework.registeredAtMs),
    reregistered_time: nanoseconds(framework.reregisteredAtMs ?? framework.registeredAtMs),
    ...(offers.length > 0 && { offers: offers.map(offer => offer.message) }),
    ...named('allocated_resources', usedByFramework(master, framework)),
    ...named('offered_resources', offered),
    offer_constraints: {},
  }
}

/** The same without what it has, as events tell it. */
export function frameworkEvent(master: Master, framework: Framework): FrameworkMessage {
  const {
    offers: _offers,
    allocated_resources: _allocated,
    offered_resources: _offered,
    offer_constraints: _constraints,
    ...message
  } = frameworkMessage(master, framework)
  return { ...message, unregistered_time: nanoseconds(0) }
}

/** Every role that somebody has subscribed with; no weights but 1. Of resources the scalars, used and offered. */
export function rolesMessage(master: Master): NonNullable<MasterResponse['get_roles']> {
  const all = [...master.state.frameworks.values()]
  const names = [...new Set(all.flatMap(framework => framework.roles))].sort()
  return {
    roles: names.map(name => {
      const held = all.reduce((sum, framework) => {
        const offers = [...master.state.offers.values()].filter(offer => offer.frameworkId === framework.id)
        return offers.reduce(
          (more, offer) => more.plus(offer.resources),
          sum.plus(usedByFramework(master, framework)),
        )
      }, Resources.none)
      const own = Resources.of(held.messages().filter(({ allocation_info: to }) => to?.role === name))
      return {
        name,
        weight: 1,
        frameworks: all.filter(({ roles }) => roles.includes(name)).map(({ id }) => ({ value: id })),
        resources: ['cpus', 'disk', 'mem'].flatMap(scalar => {
          const millis = own.millis(scalar)
          return millis === 0
            ? []
            : { name: scalar, type: 'SCALAR' as const, scalar: { value: millis / 1000 } }
        }),
      }
    }),
  }
}

export function frameworksMessage(master: Master): GetFrameworks {
  const one = (framework: Framework): FrameworkMessage => frameworkMessage(master, framework)
  return {
    frameworks: [...master.state.frameworks.values()].map(one),
    completed_frameworks: master.state.completedFrameworks.map(one),
  }
}

export function stateMessage(master: Master): NonNullable<MasterResponse['get_state']> {
  return {
    get_tasks: tasksMessage(master),
    get_executors: executorsMessage(master),
    get_frameworks: frameworksMessage(master),
    get_agents: agentsMessage(master),
  }
}

export function executorsMessage(master: Master): NonNullable<MasterResponse['get_executors']> {
  return {
    executors: [...master.state.agents.values()].flatMap(agent =>
      [...agent.executors.values()].flatMap(own =>
        [...own.values()].map(({ info }) => ({
          executor_info: { ...info, ...(info.command && { command: commandWithDefaults(info.command) }) },
          agent_id: { value: agent.id },
        })),
      ),
    ),
  }
}

export function tasksMessage(master: Master): GetTasks {
  const all = [...master.state.frameworks.values()]
  return {
    tasks: all.flatMap(framework => [...framework.tasks.values()].map(taskMessage)),
    unreachable_tasks: all.flatMap(framework => [...framework.unreachableTasks.values()].map(taskMessage)),
    completed_tasks: [...all, ...master.state.completedFrameworks].flatMap(framework =>
      framework.completedTasks.map(taskMessage),
    ),
  }
}

export function taskMessage(task: MasterTask): Task {
  const { name, task_id: taskId, agent_id: agentId, resources, labels, discovery, container } = task.info
  const last = task.forwarded?.status
  return {
    name,
    task_id: taskId,
    framework_id: { value: task.frameworkId },
    ...(task.executorId !== undefined && { executor_id: { value: task.executorId } }),
    agent_id: agentId,
    state: task.state,
    ...(resources !== undefined && { resources }),
    ...(task.statuses.length > 0 && { statuses: task.statuses }),
    ...(last !== undefined && { status_update_state: last.state }),
    ...(last?.uuid !== undefined && { status_update_uuid: last.uuid }),
    ...(labels !== undefined && { labels }),
    ...(discovery !== undefined && { discovery }),
    ...(container !== undefined && { container }),
  }
}
