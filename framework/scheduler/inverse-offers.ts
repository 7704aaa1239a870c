// Answers the master's question whether an agent may be taken down for maintenance (S44): yes where nothing of ours
// runs there, else no. The operator decides all the same; placement stays away from the agent meanwhile.
import type { InverseOffer } from 'mesos-http-client'
import { acceptInverseOffers, declineInverseOffers, type MesosCalls } from './calls.ts'
import type { LeaderStore } from './leader-store.ts'

export async function answerInverseOffers(
  offers: readonly InverseOffer[],
  store: Pick<LeaderStore, 'loadActive'>,
  calls: MesosCalls,
): Promise<void> {
  const active = await store.loadActive()
  const busy = new Set(active.map(({ agentId }) => agentId))
  const [yes, no]: [string[], string[]] = [[], []]
  for (const { id, agent_id: agentId } of offers) {
    const free = agentId !== undefined && !busy.has(agentId.value)
    ;(free ? yes : no).push(id.value)
  }
  if (yes.length > 0) await calls.call(acceptInverseOffers(yes))
  if (no.length > 0) await calls.call(declineInverseOffers(no))
}
