// SUBSCRIBE of an operator: the state of now, then what changes, with a heartbeat whatever else flows.
import type { ServerResponse } from 'node:http'
import type { Codec, MasterEvent } from 'mesos-http-client'
import type { Clock } from '../core/clock.ts'
import type { MasterChange } from '../master/context.ts'
import type { Master } from '../master/master.ts'
import { EventStream } from './event-stream.ts'
import { agentMessage, frameworkEvent, stateMessage, taskMessage } from './operator-messages.ts'

export function subscribeOperator(
  response: ServerResponse,
  codec: Codec,
  o: { readonly master: Master; readonly clock: Clock; readonly heartbeatMs: number },
): void {
  const { observers } = o.master.context
  const observer = (change: MasterChange): void => stream.send(eventOf(o.master, change))
  const stream = new EventStream({
    response,
    codec,
    type: 'master.Event',
    onEnd: () => observers.delete(observer),
  })
  observers.add(observer)
  stream.send({
    type: 'SUBSCRIBED',
    subscribed: { get_state: stateMessage(o.master), heartbeat_interval_seconds: o.heartbeatMs / 1000 },
  })
  stream.send({ type: 'HEARTBEAT' })
  stream.beat(o.clock, o.heartbeatMs, { type: 'HEARTBEAT' })
}

function eventOf(master: Master, change: MasterChange): MasterEvent {
  switch (change.type) {
    case 'TASK_ADDED':
      return { type: change.type, task_added: { task: taskMessage(change.task) } }
    case 'TASK_UPDATED': {
      const { task, status } = change
      return {
        type: change.type,
        task_updated: { framework_id: { value: task.frameworkId }, status, state: task.state },
      }
    }
    case 'FRAMEWORK_ADDED':
      return {
        type: change.type,
        framework_added: { framework: frameworkEvent(master, change.framework) },
      }
    case 'FRAMEWORK_UPDATED':
      return {
        type: change.type,
        framework_updated: { framework: frameworkEvent(master, change.framework) },
      }
    case 'FRAMEWORK_REMOVED':
      return { type: change.type, framework_removed: { framework_info: change.framework.info } }
    case 'AGENT_ADDED':
      return { type: change.type, agent_added: { agent: agentMessage(master, change.agent) } }
    case 'AGENT_REMOVED':
      return { type: change.type, agent_removed: { agent_id: { value: change.agent.id } } }
  }
}
