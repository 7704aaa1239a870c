// The calls that the loop sends, as plain messages; the client adds the framework id. Pure.
import type { SchedulerCall, TaskInfo } from 'mesos-http-client'

export interface MesosCalls {
  /** Resolves when the master has taken the call (S7); rejects with a MesosError. Offer calls keep their order (S36). */
  call(call: SchedulerCall): Promise<void>
}

const ids = (values: readonly string[]): { value: string }[] => values.map(value => ({ value }))

export function accept(
  offerIds: readonly string[],
  tasks: readonly TaskInfo[],
  refuseSeconds: number,
): SchedulerCall {
  return {
    type: 'ACCEPT',
    accept: {
      offer_ids: ids(offerIds),
      operations: [{ type: 'LAUNCH', launch: { task_infos: tasks } }],
      filters: { refuse_seconds: refuseSeconds },
    },
  }
}

export function decline(offerIds: readonly string[], refuseSeconds: number): SchedulerCall {
  return {
    type: 'DECLINE',
    decline: { offer_ids: ids(offerIds), filters: { refuse_seconds: refuseSeconds } },
  }
}

export function revive(roles: readonly string[]): SchedulerCall {
  return { type: 'REVIVE', revive: { roles } }
}

export function suppress(roles: readonly string[]): SchedulerCall {
  return { type: 'SUPPRESS', suppress: { roles } }
}

/** With an agent id that is wrong the master ignores it silently (S72): only one that Mesos itself told us is good. */
export function kill(mesosTaskId: string, agentId?: string): SchedulerCall {
  return {
    type: 'KILL',
    kill: { task_id: { value: mesosTaskId }, ...(agentId ? { agent_id: { value: agentId } } : {}) },
  }
}

export function acknowledge(mesosTaskId: string, agentId: string, uuid: Uint8Array): SchedulerCall {
  return {
    type: 'ACKNOWLEDGE',
    acknowledge: { task_id: { value: mesosTaskId }, agent_id: { value: agentId }, uuid },
  }
}

/** Without tasks: the implicit one, which answers with every task that the master knows of us (S65). */
export function reconcile(tasks: readonly { mesosTaskId: string; agentId: string }[]): SchedulerCall {
  return {
    type: 'RECONCILE',
    reconcile: {
      tasks: tasks.map(({ mesosTaskId, agentId }) => ({
        task_id: { value: mesosTaskId },
        agent_id: { value: agentId },
      })),
    },
  }
}

export function acceptInverseOffers(offerIds: readonly string[], refuseSeconds: number): SchedulerCall {
  return {
    type: 'ACCEPT_INVERSE_OFFERS',
    accept_inverse_offers: {
      inverse_offer_ids: ids(offerIds),
      filters: { refuse_seconds: refuseSeconds },
    },
  }
}

export function declineInverseOffers(offerIds: readonly string[], refuseSeconds: number): SchedulerCall {
  return {
    type: 'DECLINE_INVERSE_OFFERS',
    decline_inverse_offers: {
      inverse_offer_ids: ids(offerIds),
      filters: { refuse_seconds: refuseSeconds },
    },
  }
}

/** Ends an executor, with what it still runs. An id that the agent doesn't know changes nothing. */
export function shutdown(agentId: string, executorId: string): SchedulerCall {
  return {
    type: 'SHUTDOWN',
    shutdown: { agent_id: { value: agentId }, executor_id: { value: executorId } },
  }
}
