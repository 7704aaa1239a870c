// What the agent says, in the words of the state machine. Pure.
import type { ExecutorEvent } from 'mesos-http-client'
import type { Event } from './machine/state.ts'
import { durationMs } from './machine/work.ts'

/** Undefined for what changes nothing: MESSAGE, HEARTBEAT, ERROR (the client ends that subscription itself, E14). */
export function machineEvent(event: ExecutorEvent, idleTimeoutMs: number): Event | undefined {
  switch (event.type) {
    case 'SUBSCRIBED': {
      const capabilities = event.subscribed?.framework_info.capabilities ?? []
      const killingState = capabilities.some(({ type }) => type === 'TASK_KILLING_STATE')
      return { type: 'subscribed', killingState, idleTimeoutMs }
    }
    case 'LAUNCH':
      return event.launch && { type: 'launch', task: event.launch.task }
    case 'LAUNCH_GROUP':
      return event.launch_group && { type: 'launchGroup', tasks: event.launch_group.task_group.tasks ?? [] }
    case 'KILL': {
      if (!event.kill) return undefined
      const graceMs = durationMs(event.kill.kill_policy?.grace_period)
      const taskId = event.kill.task_id.value
      return { type: 'kill', taskId, ...(graceMs === undefined ? {} : { graceMs }) }
    }
    case 'ACKNOWLEDGED': {
      if (!event.acknowledged) return undefined
      const { task_id, uuid } = event.acknowledged
      return { type: 'acknowledged', taskId: task_id.value, uuid: Buffer.from(uuid).toString('hex') }
    }
    case 'SHUTDOWN':
      return { type: 'shutdown' }
    default:
      return undefined
  }
}
