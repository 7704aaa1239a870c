// When to ask Mesos for offers and when to say that none are wanted (S32–S37). Decides; the cycle sends. Pure.

/**
 * `flowing`: offers come, but for those refused with a filter. `suppressed`: none come. A subscription begins in
 * whichever its `suppressed_roles` said.
 */
export type FlowPhase =
  | {
      readonly name: 'flowing'
      /** A task that came in before this moment was looked at for every offer refused since. */
      readonly freshSinceMs: number
      /** The offers asked for have not come yet; after this moment they are taken not to. */
      readonly awaitedUntilMs?: number
      /** Since when nothing waits. */
      readonly idleSinceMs?: number
    }
  | { readonly name: 'suppressed' }

export interface Demand {
  /** Whether a task waits that could be launched now and was not. */
  readonly waits: boolean
  /** When the youngest of them came in. */
  readonly newestMs?: number
  /** Whether offers are held. */
  readonly held: boolean
}

export type FlowAction =
  /** Nothing to send; look again at this moment at the latest. */
  | { readonly name: 'none'; readonly atMs?: number }
  /** Clears all filters and brings offers at once. */
  | { readonly name: 'revive' }
  /** Refuse what is held, then SUPPRESS. */
  | { readonly name: 'suppress' }

/** How long offers are kept coming, and held, after the last task found its place: the next one often follows. */
const lingerMs = 2000
/** Offers come some ms after they were asked for, or there are none. */
const answerMs = 1000

/** The phase after a subscription, or after a REVIVE. */
export function flowing(nowMs: number): FlowPhase {
  return { name: 'flowing', freshSinceMs: nowMs, awaitedUntilMs: nowMs + answerMs }
}

/** OFFERS came: whoever waited until now has seen them. */
export function offersCame(phase: FlowPhase, nowMs: number): FlowPhase {
  if (phase.name === 'suppressed' || phase.awaitedUntilMs === undefined) return phase
  const { awaitedUntilMs: _, ...rest } = phase
  return { ...rest, freshSinceMs: nowMs }
}

/**
 * What to do. `tokenInMs`: until another REVIVE is permitted, 0 for now. A REVIVE makes sense while suppressed, or where
 * a task came after the last offers: those refused since then were never looked at for it.
 */
export function flowAction(phase: FlowPhase, demand: Demand, tokenInMs: number, nowMs: number): FlowAction {
  if (demand.waits) {
    if (phase.name === 'flowing') {
      if ((demand.newestMs ?? 0) <= phase.freshSinceMs) return { name: 'none' }
      if ((phase.awaitedUntilMs ?? 0) > nowMs) return { name: 'none', atMs: phase.awaitedUntilMs ?? nowMs }
    }
    return tokenInMs === 0 ? { name: 'revive' } : { name: 'none', atMs: nowMs + tokenInMs }
  }
  // Offers that come although suppressed: on their way at that moment, or the call was lost.
  if (phase.name === 'suppressed') return demand.held ? { name: 'suppress' } : { name: 'none' }
  const atMs = (phase.idleSinceMs ?? nowMs) + lingerMs
  return atMs <= nowMs ? { name: 'suppress' } : { name: 'none', atMs }
}

/** The phase after an action and with this demand. */
export function nextPhase(phase: FlowPhase, action: FlowAction, demand: Demand, nowMs: number): FlowPhase {
  if (action.name === 'revive') return flowing(nowMs)
  if (action.name === 'suppress') return { name: 'suppressed' }
  if (phase.name === 'suppressed') return phase
  const { idleSinceMs, ...busy } = phase
  return demand.waits ? busy : { ...busy, idleSinceMs: idleSinceMs ?? nowMs }
}
