// POST /api/v1 of the master: the operator's calls that are imitated, the others refused as unknown features.
import type {
  MasterCall,
  MasterResponse,
  MasterResponseGetAgentsAgent,
  Resource,
  Task,
} from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { Master } from '../master/master.ts'
import { mesosVersion } from '../master/info.ts'
import { maintenanceStatus } from '../master/maintenance.ts'
import { agentState } from '../master/offers.ts'
import type { Agent, Framework, MasterTask } from '../master/state.ts'
import { Resources } from '../model/resources.ts'
import { metricsPage, offeredOf, usedOf } from './master-pages.ts'
import { act } from './operator-actions.ts'
import { acceptCodec, bodyCodec, isReply, readMessage } from './negotiate.ts'
import { agentCapabilities, agentPid, fullResources, versionPage } from './page-parts.ts'
import { text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

type GetTasks = NonNullable<MasterResponse['get_tasks']>
type GetFrameworks = NonNullable<MasterResponse['get_frameworks']>

const bodies: Partial<Record<NonNullable<MasterCall['type']>, keyof MasterCall>> = {
  GET_METRICS: 'get_metrics',
  MARK_AGENT_GONE: 'mark_agent_gone',
  DEACTIVATE_AGENT: 'deactivate_agent',
  DRAIN_AGENT: 'drain_agent',
  REACTIVATE_AGENT: 'reactivate_agent',
  UPDATE_MAINTENANCE_SCHEDULE: 'update_maintenance_schedule',
  START_MAINTENANCE: 'start_maintenance',
  STOP_MAINTENANCE: 'stop_maintenance',
  RESERVE_RESOURCES: 'reserve_resources',
  UNRESERVE_RESOURCES: 'unreserve_resources',
  TEARDOWN: 'teardown',
}

export function handleOperator(
  request: HttpRequest,
  master: Master,
  clock: Clock,
  principal: string | undefined,
): HttpReply {
  if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
  const encoding = bodyCodec(request)
  if (isReply(encoding)) return encoding
  const read = readMessage('master.Call', request.body, encoding)
  if (isReply(read)) return read
  const accepted = acceptCodec(request)
  if (isReply(accepted)) return accepted
  const call = read.message
  const field = call.type && bodies[call.type]
  if (field !== undefined && call[field] === undefined) {
    return text(400, `Failed to validate master::Call: Expecting '${field}' to be present`)
  }
  const answer = respond(call, master, clock, principal)
  if ('status' in answer) return answer
  return {
    status: 200,
    contentType: accepted.contentType,
    body: accepted.encode('master.Response', answer),
  }
}

function respond(
  call: MasterCall,
  master: Master,
  clock: Clock,
  principal: string | undefined,
): MasterResponse | HttpReply {
  switch (call.type) {
    case 'GET_HEALTH':
      return { type: 'GET_HEALTH', get_health: { healthy: true } }
    case 'GET_VERSION':
      return { type: 'GET_VERSION', get_version: { version_info: versionPage } }
    case 'GET_METRICS': {
      const metrics = Object.entries(metricsPage(master, clock)).map(([name, value]) => ({ name, value }))
      return { type: 'GET_METRICS', get_metrics: { metrics } }
    }
    case 'GET_MASTER': {
      const startedAt = master.state.startedAtMs / 1000
      const own = { master_info: master.state.info, start_time: startedAt, elected_time: startedAt }
      return { type: 'GET_MASTER', get_master: own }
    }
    case 'GET_MAINTENANCE_STATUS':
      return { type: call.type, get_maintenance_status: { status: maintenanceStatus(master.context) } }
    case 'GET_MAINTENANCE_SCHEDULE': {
      const { schedule } = master.context.registry.maintenance
      return { type: call.type, get_maintenance_schedule: { schedule } }
    }
    case 'GET_AGENTS':
      return { type: 'GET_AGENTS', get_agents: agents(master) }
    case 'GET_FRAMEWORKS':
      return { type: 'GET_FRAMEWORKS', get_frameworks: frameworks(master) }
    case 'GET_EXECUTORS':
      return { type: 'GET_EXECUTORS', get_executors: executors(master) }
    case 'GET_TASKS':
      return { type: 'GET_TASKS', get_tasks: tasks(master) }
    case 'GET_STATE':
      return {
        type: 'GET_STATE',
        get_state: {
          get_tasks: tasks(master),
          get_executors: executors(master),
          get_frameworks: frameworks(master),
          get_agents: agents(master),
        },
      }
    default: {
      const done = act(call, master, principal)
      if (done !== undefined) return done
    }
  }
  return isKnown(call.type)
    ? text(501, `${call.type} is not imitated by this master`)
    : text(400, "Failed to validate master::Call: Expecting 'type' to be present")
}

/** Calls that a real master has and this one does not. */
function isKnown(type: MasterCall['type']): boolean {
  return (
    type !== undefined &&
    (/^(GET|SET|LIST|READ|UPDATE|RESERVE|UNRESERVE|CREATE|DESTROY|GROW|SHRINK|START|STOP|REMOVE)_/.test(
      type,
    ) ||
      /^(SUBSCRIBE|DRAIN_AGENT|DEACTIVATE_AGENT|REACTIVATE_AGENT|RESERVE_RESOURCES|UNRESERVE_RESOURCES)$/.test(
        type,
      ))
  )
}

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

function agents(master: Master): NonNullable<MasterResponse['get_agents']> {
  const one = (agent: Parameters<typeof usedOf>[0]): MasterResponseGetAgentsAgent => ({
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
  })
  return {
    agents: [...master.state.agents.values()].map(one),
    recovered_agents: [...master.state.recovering.values()].map(({ info }) => info),
  }
}

function frameworks(master: Master): GetFrameworks {
  const one = (framework: Framework): NonNullable<GetFrameworks['frameworks']>[number] => {
    const offers = [...master.state.offers.values()].filter(offer => offer.frameworkId === framework.id)
    return {
      framework_info: framework.info,
      active: framework.phase.name === 'connected',
      connected: framework.phase.name === 'connected',
      recovered: framework.phase.name === 'recovered',
      registered_time: nanoseconds(framework.registeredAtMs),
      reregistered_time: nanoseconds(framework.reregisteredAtMs ?? framework.registeredAtMs),
      offers: offers.map(offer => offer.message),
      offered_resources: offers.reduce((sum, offer) => sum.plus(offer.resources), Resources.none).messages(),
    }
  }
  return {
    frameworks: [...master.state.frameworks.values()].map(one),
    completed_frameworks: master.state.completedFrameworks.map(one),
  }
}

function executors(master: Master): NonNullable<MasterResponse['get_executors']> {
  return {
    executors: [...master.state.agents.values()].flatMap(agent =>
      [...agent.executors.values()].flatMap(own =>
        [...own.values()].map(({ info }) => ({ executor_info: info, agent_id: { value: agent.id } })),
      ),
    ),
  }
}

function tasks(master: Master): GetTasks {
  const all = [...master.state.frameworks.values()]
  return {
    tasks: all.flatMap(framework => [...framework.tasks.values()].map(taskMessage)),
    unreachable_tasks: all.flatMap(framework => [...framework.unreachableTasks.values()].map(taskMessage)),
    completed_tasks: [...all, ...master.state.completedFrameworks].flatMap(framework =>
      framework.completedTasks.map(taskMessage),
    ),
  }
}

function taskMessage(task: MasterTask): Task {
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
    statuses: task.statuses,
    ...(last !== undefined && { status_update_state: last.state }),
    ...(last?.uuid !== undefined && { status_update_uuid: last.uuid }),
    ...(labels !== undefined && { labels }),
    ...(discovery !== undefined && { discovery }),
    ...(container !== undefined && { container }),
  }
}
