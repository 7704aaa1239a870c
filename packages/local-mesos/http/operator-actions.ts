// The operator's calls that change something, as POST /api/v1 of the master has them.
import type { MasterCall } from 'mesos-http-client'
import type { Master } from '../master/master.ts'
import { convertFree } from '../master/reservations.ts'
import { text, type HttpReply } from './server.ts'

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
    default:
      return undefined
  }
}
