// What one agent still has free while a plan is made: the entries of its offers, taken from piece by piece.
// Mutable, lives for one plan only.
import { asRanges, countPorts, hasPort, normalRanges, withoutPort } from './ports.ts'
import type { No, OfferSnapshot, Piece, PlacementPolicy, PortRange, ScalarName, Shape } from './types.ts'

interface ScalarRest {
  readonly offerId: string
  readonly index: number
  restMillis: number
}

interface PortsRest {
  readonly offerId: string
  readonly index: number
  ranges: readonly PortRange[]
}

export interface Wanted {
  readonly cpusMillis: number
  readonly memMillis: number
  readonly diskMillis: number
  readonly fixedPorts: readonly number[]
  readonly anyPorts: number
}

export const nothing: Wanted = {
  cpusMillis: 0,
  memMillis: 0,
  diskMillis: 0,
  fixedPorts: [],
  anyPorts: 0,
}

/** Below that an executor has no room beside its own files (docs/isolation.md). */
const leastExecutorDiskMb = 256

/**
 * What the executor itself needs of an agent that offers so much disk: of a small one it takes no more than half, so that
 * tasks find room as well.
 */
export function wantedByExecutor(
  { cpuMillis, memMb, diskMb }: PlacementPolicy['executor'],
  offeredDiskMillis: number,
): Wanted {
  const half = Math.max(leastExecutorDiskMb, Math.floor(offeredDiskMillis / 2000))
  const diskMillis = Math.min(diskMb, half) * 1000
  return { ...nothing, cpusMillis: cpuMillis, memMillis: memMb * 1000, diskMillis }
}

export function wantedBy(shape: Shape): Wanted {
  return {
    cpusMillis: shape.cpuMillis,
    memMillis: shape.memMb * 1000,
    diskMillis: shape.diskMb * 1000,
    fixedPorts: shape.fixedPorts,
    anyPorts: shape.anyPorts,
  }
}

/** The free entries of one agent's offers of one role. Reserved ones go first: nobody else can use them. */
export class AgentPool {
  readonly #scalars: Record<ScalarName, ScalarRest[]> = { cpus: [], mem: [], disk: [] }
  readonly #free: Record<ScalarName, number> = { cpus: 0, mem: 0, disk: 0 }
  readonly #ports: PortsRest[] = []
  /** Something of it is reserved for the role. */
  readonly hasReserved: boolean

  constructor(offers: readonly OfferSnapshot[]) {
    this.hasReserved = offers.some(({ lumps }) => lumps.some(({ reserved }) => reserved))
    for (const reserved of [true, false]) {
      for (const { offerId, lumps } of offers) {
        for (const lump of lumps) {
          if (lump.reserved !== reserved) continue
          if (lump.kind === 'ports') {
            this.#ports.push({ offerId, index: lump.index, ranges: normalRanges(lump.ranges) })
          } else {
            this.#scalars[lump.name].push({ offerId, index: lump.index, restMillis: lump.amountMillis })
            this.#free[lump.name] += lump.amountMillis
          }
        }
      }
    }
  }

  /** Thousandths that are free. */
  free(name: ScalarName): number {
    return this.#free[name]
  }

  /** Why this does not fit beside what is kept for the executor; undefined where it fits. */
  refusal(wanted: Wanted, reserve: Wanted): No | undefined {
    return (
      this.#scalarRefusal('cpus', wanted.cpusMillis, reserve.cpusMillis) ??
      this.#scalarRefusal('mem', wanted.memMillis, reserve.memMillis) ??
      this.#scalarRefusal('disk', wanted.diskMillis, reserve.diskMillis) ??
      this.#portsRefusal(wanted)
    )
  }

  /** Takes what `refusal` said fits. */
  take(wanted: Wanted): { pieces: Piece[]; ports: number[] } {
    const pieces: Piece[] = []
    this.#takeScalar('cpus', wanted.cpusMillis, pieces)
    this.#takeScalar('mem', wanted.memMillis, pieces)
    this.#takeScalar('disk', wanted.diskMillis, pieces)
    return { pieces, ports: this.#takePorts(wanted, pieces) }
  }

  #scalarRefusal(name: ScalarName, wantedMillis: number, reserveMillis: number): No | undefined {
    const free = this.#free[name]
    if (wantedMillis + reserveMillis <= free) return undefined
    if (free < reserveMillis && wantedMillis <= free) {
      return { kind: 'executor', name, freeMillis: free, wantedMillis: reserveMillis }
    }
    // Where neither fits, nothing can be kept for the executor, and all that is free is what people look for.
    const freeMillis = free < reserveMillis ? free : free - reserveMillis
    return { kind: 'resource', name, freeMillis, wantedMillis }
  }

  #portsRefusal({ fixedPorts, anyPorts }: Wanted): No | undefined {
    const missing = fixedPorts.find(port => !this.#ports.some(({ ranges }) => hasPort(ranges, port)))
    if (missing !== undefined) return { kind: 'fixed-port', port: missing }
    const free = this.#ports.reduce((sum, { ranges }) => sum + countPorts(ranges), 0) - fixedPorts.length
    return free >= anyPorts ? undefined : { kind: 'ports', free, wanted: anyPorts }
  }

  #takeScalar(name: ScalarName, amountMillis: number, pieces: Piece[]): void {
    let missing = amountMillis
    for (const rest of this.#scalars[name]) {
      if (missing === 0) break
      const taken = Math.min(missing, rest.restMillis)
      if (taken === 0) continue
      rest.restMillis -= taken
      missing -= taken
      pieces.push({ kind: 'scalar', offerId: rest.offerId, index: rest.index, amountMillis: taken })
    }
    this.#free[name] -= amountMillis
  }

  #takePorts({ fixedPorts, anyPorts }: Wanted, pieces: Piece[]): number[] {
    const taken = new Map<PortsRest, number[]>()
    const takeOut = (rest: PortsRest, port: number): void => {
      rest.ranges = withoutPort(rest.ranges, port)
      taken.set(rest, [...(taken.get(rest) ?? []), port])
    }
    for (const port of fixedPorts) {
      const rest = this.#ports.find(({ ranges }) => hasPort(ranges, port))
      if (rest) takeOut(rest, port)
    }
    const chosen: number[] = []
    for (const rest of this.#ports) {
      while (chosen.length < anyPorts) {
        const first = rest.ranges[0]
        if (!first) break
        chosen.push(first[0])
        takeOut(rest, first[0])
      }
    }
    for (const [{ offerId, index }, ports] of taken) {
      pieces.push({ kind: 'ports', offerId, index, ranges: asRanges(ports) })
    }
    return chosen
  }
}
