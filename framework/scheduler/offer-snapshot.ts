// Between Mesos' offers and placement: what an offer holds for us, and the pieces taken from it as resources again. Pure.
import type { Attribute, Offer, Resource, Unavailability } from 'mesos-http-client'
import { normalRanges } from '../placement/ports.ts'
import type { AttributeValue, Lump, OfferSnapshot, Piece, PortRange } from '../placement/types.ts'

const scalarNames = ['cpus', 'mem', 'disk'] as const

/** The part of an offer that placement may look at. */
export function offerSnapshot(offer: Offer): OfferSnapshot {
  const resources = offer.resources ?? []
  const domain = offer.domain?.fault_domain
  const unavailable = offer.unavailability ? unavailability(offer.unavailability) : undefined
  return {
    offerId: offer.id.value,
    agentId: offer.agent_id.value,
    hostname: offer.hostname,
    role: offer.allocation_info?.role ?? '*',
    attributes: attributes(offer.attributes ?? []),
    lumps: resources.flatMap((resource, index) => lump(resource, index)),
    gpus: resources.some(({ name, scalar }) => name === 'gpus' && (scalar?.value ?? 0) > 0),
    ...(domain ? { region: domain.region.name, zone: domain.zone.name } : {}),
    ...(unavailable ? { unavailable } : {}),
  }
}

/** Resources that another entry of the offer can't stand in for are left alone: volumes, mounts, shared or revocable ones (S31). */
function lump(resource: Resource, index: number): Lump[] {
  if (resource.revocable || resource.shared || resource.provider_id) return []
  if (resource.disk?.source || resource.disk?.persistence || resource.disk?.volume) return []
  const reserved =
    (resource.reservations ?? []).length > 0 ||
    resource.reservation !== undefined ||
    (resource.role ?? '*') !== '*'
  if (resource.name === 'ports') {
    const ranges = (resource.ranges?.range ?? []).map(({ begin, end }): PortRange => [
      Number(begin),
      Number(end),
    ])
    return [{ kind: 'ports', index, ranges, reserved }]
  }
  const name = scalarNames.find(candidate => candidate === resource.name)
  if (!name || !resource.scalar) return []
  return [{ kind: 'scalar', name, index, amountMillis: toMillis(resource.scalar.value), reserved }]
}

/** Mesos rounds to three decimals (S41); what is below the last one is not given away. */
function toMillis(value: number): number {
  return Math.max(0, Math.floor(value * 1000 + 1e-6))
}

function attributes(list: readonly Attribute[]): Map<string, readonly AttributeValue[]> {
  const byName = new Map<string, AttributeValue[]>()
  for (const { name, text, scalar, ranges, set } of list) {
    const values: AttributeValue[] = [
      ...(text ? [text.value] : []),
      ...(scalar ? [scalar.value] : []),
      ...(ranges?.range ?? []).map(({ begin, end }) => [Number(begin), Number(end)] as const),
      ...(set?.item ?? []),
    ]
    byName.set(name, [...(byName.get(name) ?? []), ...values])
  }
  return byName
}

function unavailability({ start, duration }: Unavailability): { fromMs: number; untilMs?: number } {
  const fromMs = Math.floor(Number(start.nanoseconds) / 1e6)
  return { fromMs, ...(duration ? { untilMs: fromMs + Math.ceil(Number(duration.nanoseconds) / 1e6) } : {}) }
}

export type AgentScheme = 'http' | 'https'

/** As the masters are spoken to: those that ZooKeeper names over TLS where a CA is given. */
export function agentSchemeOf(mesos: { masters: readonly string[]; ca?: unknown }): AgentScheme {
  const { masters, ca } = mesos
  const overTls = masters.some(url => url.startsWith('https:') || (url.startsWith('zk:') && ca !== undefined))
  return overTls ? 'https' : 'http'
}

/**
 * `http://host:port` of the offer's agent. By its IP address, as the master itself reaches it: a name need not resolve
 * here; but by its name over TLS, since the certificate bears that. The master writes `http` for agents that speak TLS
 * too, so how the cluster speaks is told beside.
 */
export function agentUrl(offer: Offer, cluster: AgentScheme): string {
  const { scheme: said, address } = offer.url ?? {}
  const scheme = cluster === 'https' ? cluster : (said ?? 'http')
  const byName = scheme === 'https' ? [address?.hostname, address?.ip] : [address?.ip, address?.hostname]
  const host = byName.find(name => name !== undefined && name !== '') ?? offer.hostname
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? 5051}`
}

/**
 * Pieces of these offers as resources: each in the exact shape in which it came, with its role and reservations (S29, S42).
 * Pieces of entries that look alike become one resource, so that an executor's are the same from whichever they come.
 */
export function giveBack(pieces: readonly Piece[], offers: ReadonlyMap<string, Offer>): Resource[] {
  const byShape = new Map<string, { readonly shape: Resource; readonly pieces: Piece[] }>()
  for (const piece of pieces) {
    const offer = offers.get(piece.offerId)
    const whole = offer?.resources?.[piece.index]
    if (!offer || !whole) throw new Error(`a piece of offer ${piece.offerId} that nobody holds`)
    const { scalar: _, ranges: __, ...looks } = whole
    const allocation = whole.allocation_info ?? offer.allocation_info
    const shape = { ...looks, ...(allocation ? { allocation_info: allocation } : {}) }
    const key = JSON.stringify(shape)
    const alike = byShape.get(key) ?? { shape, pieces: [] as Piece[] }
    alike.pieces.push(piece)
    byShape.set(key, alike)
  }
  return [...byShape.values()].map(({ shape, pieces: alike }) => ({ ...shape, ...amountOf(alike) }))
}

/** All of one kind. */
function amountOf(pieces: readonly Piece[]): Pick<Resource, 'scalar' | 'ranges'> {
  let millis = 0
  const ranges: PortRange[] = []
  for (const piece of pieces) {
    if (piece.kind === 'scalar') millis += piece.amountMillis
    else ranges.push(...piece.ranges)
  }
  if (ranges.length === 0) return { scalar: { value: millis / 1000 } }
  return { ranges: { range: normalRanges(ranges).map(([begin, end]) => ({ begin, end })) } }
}
