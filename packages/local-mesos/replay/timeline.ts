// A recording as one list of what happens when: requests, actions, events that must have come, ends of streams, and
// the master's allocation rounds.
import { isAction, type Trace, type TraceAction, type TraceExchange } from './trace.ts'

export type Item =
  | {
      readonly kind: 'request'
      readonly atMs: number
      readonly index: number
      readonly exchange: TraceExchange
    }
  | { readonly kind: 'action'; readonly atMs: number; readonly action: TraceAction }
  | { readonly kind: 'event'; readonly atMs: number; readonly stream: number; readonly event: unknown }
  | { readonly kind: 'end'; readonly atMs: number; readonly stream: number; readonly exchange: TraceExchange }
  | { readonly kind: 'allocation'; readonly atMs: number }

/** Streams are known by the index of the exchange that opened them. */
export function isStream(exchange: TraceExchange): boolean {
  return exchange.response.end !== undefined
}

/** How the rounds of a recording differ from what its OFFERS let one guess. */
export interface Rounds {
  /** When they were, by the time of their OFFERS. */
  readonly moved?: ReadonlyMap<number, number>
  /** Between these times there are none without OFFERS. */
  readonly quiet?: readonly [number, number]
}

export function timeline(trace: Trace, allocationIntervalMs: number, { moved, quiet }: Rounds = {}): Item[] {
  const items: Item[] = []
  for (const [index, entry] of trace.exchanges.entries()) {
    if (isAction(entry)) {
      items.push({ kind: 'action', atMs: entry.at_ms, action: entry })
      continue
    }
    items.push({ kind: 'request', atMs: entry.at_ms, index, exchange: entry })
    if (!isStream(entry)) continue
    for (const record of entry.response.records ?? []) {
      items.push({ kind: 'event', atMs: record.at_ms, stream: index, event: record.event })
    }
    const { end, end_at_ms: endAtMs } = entry.response
    if (end !== 'open' && endAtMs !== undefined) {
      items.push({ kind: 'end', atMs: endAtMs, stream: index, exchange: entry })
    }
  }
  const sorted = sort(items)
  const last = sorted.at(-1)?.atMs ?? 0
  const rounds = allocations(sorted, allocationIntervalMs, last)
    .filter(({ atMs }) => quiet === undefined || atMs < quiet[0] || atMs > quiet[1])
    .map(item => ({ ...item, atMs: moved?.get(item.atMs) ?? item.atMs }))
  return sort([...sorted, ...rounds])
}

/** What came at the same millisecond: allocations and actions first, then events, then what the recorder sent because of them. */
function sort(items: readonly Item[]): Item[] {
  const rank = { allocation: 0, action: 1, event: 2, end: 3, request: 4 } as const
  return items
    .map((item, order) => ({ item, order }))
    .sort((a, b) => a.item.atMs - b.item.atMs || order(a.item, b.item) || a.order - b.order)
    .map(({ item }) => item)
  function order(a: Item, b: Item): number {
    // A stream's own events never come before the request that opens it.
    if (a.kind === 'request' && b.kind === 'event' && a.index === b.stream) return -1
    if (b.kind === 'request' && a.kind === 'event' && b.index === a.stream) return 1
    return rank[a.kind] - rank[b.kind]
  }
}

/**
 * A round whenever the recording has OFFERS or INVERSE_OFFERS, and each interval in between, when nothing was to be
 * offered. Not in short pauses, where a process that ends faster than the recorded one would be offered in two parts.
 */
function allocations(items: readonly Item[], intervalMs: number, lastMs: number): Item[] {
  const seen = items.flatMap(item => (item.kind === 'event' && isOffers(item.event) ? item.atMs : []))
  const rounds: number[] = []
  for (const [index, anchor] of seen.entries()) {
    rounds.push(anchor)
    const next = seen[index + 1] ?? lastMs
    if (next - anchor < intervalMs * 2.5) continue
    for (let at = anchor + intervalMs; at < next - intervalMs / 2; at += intervalMs) rounds.push(at)
  }
  return rounds.map(atMs => ({ kind: 'allocation', atMs }))
}

function isOffers(event: unknown): boolean {
  if (typeof event !== 'object' || event === null) return false
  const type: unknown = Reflect.get(event, 'type')
  return type === 'OFFERS' || type === 'INVERSE_OFFERS'
}
