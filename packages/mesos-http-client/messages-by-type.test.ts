import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import { codec } from './codec/index.ts'
import type { MessageName } from './codec/names.ts'
import { messageTable } from './codec/schema.ts'
import type { Resource } from './generated/messages.ts'
import type {
  AgentCallBody,
  AgentCallKind,
  ExecutorCallBody,
  ExecutorCallKind,
  MasterCallBody,
  MasterCallKind,
  SchedulerCallBody,
  SchedulerCallKind,
} from './messages-by-type.ts'

const id = (value: string) => ({ value })
const agent_id = id('agent')
const executor_id = id('executor')
const task_id = id('task')
const operation_id = id('operation')
const container_id = { value: 'child', parent: id('parent') }
const uuid = Uint8Array.of(1, 2, 255)
const disk: Resource = {
  name: 'disk',
  type: 'SCALAR',
  scalar: { value: 64 },
  reservations: [{ type: 'DYNAMIC', role: 'web' }],
}
const command = { shell: false, value: 'true', arguments: ['true'] }
const machine = { hostname: 'agent1', ip: '10.0.0.1' }
const window = { machine_ids: [machine], unavailability: { start: { nanoseconds: 2n ** 60n } } }
const provider = { type: 'org.apache.mesos.rp.local.storage', name: 'p' }

// One of each: a type that is missing in a table, or whose contents are not its own, does not compile.

const scheduler: { readonly [T in SchedulerCallKind]: SchedulerCallBody<T> } = {
  TEARDOWN: { type: 'TEARDOWN' },
  ACCEPT: {
    type: 'ACCEPT',
    accept: { offer_ids: [id('o')], operations: [{ type: 'RESERVE', reserve: { resources: [disk] } }] },
  },
  DECLINE: { type: 'DECLINE', decline: { offer_ids: [id('o')], filters: { refuse_seconds: 0.5 } } },
  ACCEPT_INVERSE_OFFERS: {
    type: 'ACCEPT_INVERSE_OFFERS',
    accept_inverse_offers: { inverse_offer_ids: [id('i')] },
  },
  DECLINE_INVERSE_OFFERS: {
    type: 'DECLINE_INVERSE_OFFERS',
    decline_inverse_offers: { inverse_offer_ids: [id('i')], filters: { refuse_seconds: 60 } },
  },
  REVIVE: { type: 'REVIVE' },
  SUPPRESS: { type: 'SUPPRESS', suppress: { roles: ['web'] } },
  KILL: { type: 'KILL', kill: { task_id, kill_policy: { grace_period: { nanoseconds: 5_000_000_000 } } } },
  SHUTDOWN: { type: 'SHUTDOWN', shutdown: { executor_id, agent_id } },
  ACKNOWLEDGE: { type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } },
  ACKNOWLEDGE_OPERATION_STATUS: {
    type: 'ACKNOWLEDGE_OPERATION_STATUS',
    acknowledge_operation_status: { agent_id, operation_id, uuid, resource_provider_id: id('rp') },
  },
  RECONCILE: { type: 'RECONCILE', reconcile: { tasks: [{ task_id, agent_id }] } },
  RECONCILE_OPERATIONS: {
    type: 'RECONCILE_OPERATIONS',
    reconcile_operations: { operations: [{ operation_id }] },
  },
  MESSAGE: { type: 'MESSAGE', message: { agent_id, executor_id, data: uuid } },
  REQUEST: { type: 'REQUEST', request: { requests: [{ agent_id, resources: [disk] }] } },
  UPDATE_FRAMEWORK: {
    type: 'UPDATE_FRAMEWORK',
    update_framework: {
      framework_info: { user: 'root', name: 'f', roles: ['web'] },
      suppressed_roles: ['web'],
    },
  },
}

const executor: { readonly [T in ExecutorCallKind]: ExecutorCallBody<T> } = {
  UPDATE: { type: 'UPDATE', update: { status: { task_id, state: 'TASK_RUNNING', uuid } } },
  MESSAGE: { type: 'MESSAGE', message: { data: uuid } },
  HEARTBEAT: { type: 'HEARTBEAT' },
}

const logging = { level: 1, duration: { nanoseconds: 60_000_000_000 } }

const master: { readonly [T in MasterCallKind]: MasterCallBody<T> } = {
  GET_HEALTH: { type: 'GET_HEALTH' },
  GET_FLAGS: { type: 'GET_FLAGS' },
  GET_VERSION: { type: 'GET_VERSION' },
  GET_METRICS: { type: 'GET_METRICS', get_metrics: { timeout: { nanoseconds: 1 } } },
  GET_LOGGING_LEVEL: { type: 'GET_LOGGING_LEVEL' },
  SET_LOGGING_LEVEL: { type: 'SET_LOGGING_LEVEL', set_logging_level: logging },
  LIST_FILES: { type: 'LIST_FILES', list_files: { path: '/master/log' } },
  READ_FILE: { type: 'READ_FILE', read_file: { path: '/master/log', offset: 2n ** 60n, length: 6 } },
  GET_STATE: { type: 'GET_STATE' },
  GET_AGENTS: { type: 'GET_AGENTS' },
  GET_FRAMEWORKS: { type: 'GET_FRAMEWORKS' },
  GET_EXECUTORS: { type: 'GET_EXECUTORS' },
  GET_OPERATIONS: { type: 'GET_OPERATIONS' },
  GET_TASKS: { type: 'GET_TASKS' },
  GET_ROLES: { type: 'GET_ROLES' },
  GET_WEIGHTS: { type: 'GET_WEIGHTS' },
  UPDATE_WEIGHTS: {
    type: 'UPDATE_WEIGHTS',
    update_weights: { weight_infos: [{ role: 'web', weight: 2.5 }] },
  },
  GET_MASTER: { type: 'GET_MASTER' },
  RESERVE_RESOURCES: { type: 'RESERVE_RESOURCES', reserve_resources: { agent_id, resources: [disk] } },
  UNRESERVE_RESOURCES: { type: 'UNRESERVE_RESOURCES', unreserve_resources: { agent_id, resources: [disk] } },
  CREATE_VOLUMES: { type: 'CREATE_VOLUMES', create_volumes: { agent_id, volumes: [disk] } },
  DESTROY_VOLUMES: { type: 'DESTROY_VOLUMES', destroy_volumes: { agent_id, volumes: [disk] } },
  GROW_VOLUME: { type: 'GROW_VOLUME', grow_volume: { agent_id, volume: disk, addition: disk } },
  SHRINK_VOLUME: { type: 'SHRINK_VOLUME', shrink_volume: { agent_id, volume: disk, subtract: { value: 3 } } },
  GET_MAINTENANCE_STATUS: { type: 'GET_MAINTENANCE_STATUS' },
  GET_MAINTENANCE_SCHEDULE: { type: 'GET_MAINTENANCE_SCHEDULE' },
  UPDATE_MAINTENANCE_SCHEDULE: {
    type: 'UPDATE_MAINTENANCE_SCHEDULE',
    update_maintenance_schedule: { schedule: { windows: [window] } },
  },
  START_MAINTENANCE: { type: 'START_MAINTENANCE', start_maintenance: { machines: [machine] } },
  STOP_MAINTENANCE: { type: 'STOP_MAINTENANCE', stop_maintenance: { machines: [machine] } },
  GET_QUOTA: { type: 'GET_QUOTA' },
  UPDATE_QUOTA: {
    type: 'UPDATE_QUOTA',
    update_quota: { force: true, quota_configs: [{ role: 'web', limits: { cpus: { value: 4 } } }] },
  },
  SET_QUOTA: { type: 'SET_QUOTA', set_quota: { quota_request: { role: 'web', guarantee: [disk] } } },
  REMOVE_QUOTA: { type: 'REMOVE_QUOTA', remove_quota: { role: 'web' } },
  TEARDOWN: { type: 'TEARDOWN', teardown: { framework_id: id('f') } },
  MARK_AGENT_GONE: { type: 'MARK_AGENT_GONE', mark_agent_gone: { agent_id } },
  DRAIN_AGENT: {
    type: 'DRAIN_AGENT',
    drain_agent: { agent_id, max_grace_period: { seconds: 5, nanos: 3 }, mark_gone: true },
  },
  DEACTIVATE_AGENT: { type: 'DEACTIVATE_AGENT', deactivate_agent: { agent_id } },
  REACTIVATE_AGENT: { type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } },
}

const agent: { readonly [T in AgentCallKind]: AgentCallBody<T> } = {
  GET_HEALTH: { type: 'GET_HEALTH' },
  GET_FLAGS: { type: 'GET_FLAGS' },
  GET_VERSION: { type: 'GET_VERSION' },
  GET_METRICS: { type: 'GET_METRICS', get_metrics: { timeout: { nanoseconds: 1 } } },
  GET_LOGGING_LEVEL: { type: 'GET_LOGGING_LEVEL' },
  SET_LOGGING_LEVEL: { type: 'SET_LOGGING_LEVEL', set_logging_level: logging },
  LIST_FILES: { type: 'LIST_FILES', list_files: { path: '/slave/log' } },
  READ_FILE: { type: 'READ_FILE', read_file: { path: '/slave/log', offset: 0 } },
  GET_STATE: { type: 'GET_STATE' },
  GET_CONTAINERS: { type: 'GET_CONTAINERS', get_containers: { show_nested: true, show_standalone: true } },
  GET_FRAMEWORKS: { type: 'GET_FRAMEWORKS' },
  GET_EXECUTORS: { type: 'GET_EXECUTORS' },
  GET_OPERATIONS: { type: 'GET_OPERATIONS' },
  GET_TASKS: { type: 'GET_TASKS' },
  GET_AGENT: { type: 'GET_AGENT' },
  GET_RESOURCE_PROVIDERS: { type: 'GET_RESOURCE_PROVIDERS' },
  LAUNCH_NESTED_CONTAINER: {
    type: 'LAUNCH_NESTED_CONTAINER',
    launch_nested_container: { container_id, command },
  },
  WAIT_NESTED_CONTAINER: { type: 'WAIT_NESTED_CONTAINER', wait_nested_container: { container_id } },
  KILL_NESTED_CONTAINER: {
    type: 'KILL_NESTED_CONTAINER',
    kill_nested_container: { container_id, signal: 15 },
  },
  REMOVE_NESTED_CONTAINER: { type: 'REMOVE_NESTED_CONTAINER', remove_nested_container: { container_id } },
  LAUNCH_CONTAINER: {
    type: 'LAUNCH_CONTAINER',
    launch_container: { container_id, command, resources: [disk], limits: { mem: { value: 64 } } },
  },
  WAIT_CONTAINER: { type: 'WAIT_CONTAINER', wait_container: { container_id } },
  KILL_CONTAINER: { type: 'KILL_CONTAINER', kill_container: { container_id } },
  REMOVE_CONTAINER: { type: 'REMOVE_CONTAINER', remove_container: { container_id } },
  ADD_RESOURCE_PROVIDER_CONFIG: {
    type: 'ADD_RESOURCE_PROVIDER_CONFIG',
    add_resource_provider_config: { info: provider },
  },
  UPDATE_RESOURCE_PROVIDER_CONFIG: {
    type: 'UPDATE_RESOURCE_PROVIDER_CONFIG',
    update_resource_provider_config: { info: provider },
  },
  REMOVE_RESOURCE_PROVIDER_CONFIG: {
    type: 'REMOVE_RESOURCE_PROVIDER_CONFIG',
    remove_resource_provider_config: { type: 'org.apache.mesos.rp.local.storage', name: 'p' },
  },
  MARK_RESOURCE_PROVIDER_GONE: {
    type: 'MARK_RESOURCE_PROVIDER_GONE',
    mark_resource_provider_gone: { resource_provider_id: id('rp') },
  },
  PRUNE_IMAGES: {
    type: 'PRUNE_IMAGES',
    prune_images: { excluded_images: [{ type: 'DOCKER', docker: { name: 'keep' } }] },
  },
}

const sides: readonly {
  message: MessageName
  calls: Readonly<Record<string, object>>
  apart: readonly string[]
  ids?: object
}[] = [
  { message: 'scheduler.Call', calls: scheduler, apart: ['SUBSCRIBE'] },
  {
    message: 'executor.Call',
    calls: executor,
    apart: ['SUBSCRIBE'],
    ids: { executor_id, framework_id: id('f') },
  },
  { message: 'master.Call', calls: master, apart: ['SUBSCRIBE'] },
  {
    message: 'agent.Call',
    calls: agent,
    apart: ['LAUNCH_NESTED_CONTAINER_SESSION', 'ATTACH_CONTAINER_INPUT', 'ATTACH_CONTAINER_OUTPUT'],
  },
]

describe('messages by type', () => {
  for (const { message, calls, apart, ids } of sides) {
    it(`has every call of ${message}`, () => {
      const kind = messageTable(`mesos.v1.${message}`).byName.get('type')?.kind
      const known = kind?.name === 'enum' ? [...kind.table.numbers.keys()] : []
      expect([...Object.keys(calls), ...apart, 'UNKNOWN']).to.have.members(known)
    })

    it(`sends every call of ${message} whole, in both encodings`, () => {
      for (const call of Object.values(calls)) {
        const complete = { ...call, ...ids }
        for (const each of [codec('json'), codec('protobuf')]) {
          deepStrictEqual(each.decode(message, each.encode(message, complete)), complete)
        }
      }
    })
  }
})
