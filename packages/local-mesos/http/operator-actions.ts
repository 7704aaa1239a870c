// The operator's calls that change something, as POST /api/v1 of the master has them.
import type { Duration, DurationInfo, MasterCall } from 'mesos-http-client'
import { deactivateAgent, drainAgent, reactivateAgent } from '../master/draining.ts'
import { startMaintenance, stopMaintenance, updateSchedule } from '../master/maintenance.ts'
import type { Master } from '../master/master.ts'
import { convertFree } from '../master/reservations.ts'
import { text, type HttpReply } from './server.ts'

const done = (refused: string | undefined): HttpReply =>
  refused === undefined ? { status: 200 } : text(400, refused)

/** Does what the call asks; undefined for calls of another kind. `principal`: who asks, where that is known. */
export function act(call: MasterCall, master: Master, principal: string | undefined): HttpReply | undefined {
  switch (call.type) {
    case 'MARK_AGENT_GONE': {
      const agentId = call.mark_agent_gone?.agent_id.value ?? ''
      return master.markAgentGone(agentId) ? { status: 200 } : text(404, `Agent '${agentId}' not found`)
    }
    case 'TEARDOWN': {
      const frameworkId = call.teardown?.framework_id
      if (frameworkId === undefined || !master.state.frameworks.has(frameworkId.value)) {
        return text(400, 'No framework found with specified ID')
      }
      master.call({ type: 'TEARDOWN', framework_id: frameworkId })
      return { status: 200 }
    }
    case 'RESERVE_RESOURCES':
    case 'UNRESERVE_RESOURCES': {
      const asked = call.reserve_resources ?? call.unreserve_resources
      const type = call.type === 'RESERVE_RESOURCES' ? 'RESERVE' : 'UNRESERVE'
      const agentId = asked?.agent_id.value ?? ''
      const done = convertFree(master.context, agentId, type, asked ?? {}, principal)
      return 'message' in done ? text(done.status, done.message) : done
    }
    case 'UPDATE_MAINTENANCE_SCHEDULE':
      return done(updateSchedule(master.context, call.update_maintenance_schedule?.schedule ?? {}))
    case 'START_MAINTENANCE':
      return done(startMaintenance(master.context, call.start_maintenance?.machines ?? []))
    case 'STOP_MAINTENANCE':
      return done(stopMaintenance(master.context, call.stop_maintenance?.machines ?? []))
    case 'DEACTIVATE_AGENT':
      return done(deactivateAgent(master.context, call.deactivate_agent?.agent_id.value ?? ''))
    case 'DRAIN_AGENT': {
      const { agent_id: id, max_grace_period: grace, mark_gone: gone = false } = call.drain_agent ?? {}
      const drain = { maxGracePeriod: grace && durationInfo(grace), markGone: gone }
      return done(drainAgent(master.context, id?.value ?? '', drain))
    }
    case 'REACTIVATE_AGENT': {
      const refused = reactivateAgent(master.context, call.reactivate_agent?.agent_id.value ?? '')
      return refused === undefined ? { status: 200 } : text(refused.status, refused.message)
    }
    default:
      return undefined
  }
}

/** Seconds and nanoseconds apart → one number. */
function durationInfo({ seconds = 0, nanos = 0 }: Duration): DurationInfo {
  return { nanoseconds: BigInt(seconds) * 1_000_000_000n + BigInt(nanos) }
}
