// Sets of host ports as inclusive ranges: choose, take out, write down. Pure.
import type { PortRange } from './types.ts'

export function countPorts(ranges: readonly PortRange[]): number {
  return ranges.reduce((sum, [begin, end]) => sum + end - begin + 1, 0)
}

export function hasPort(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(([begin, end]) => begin <= port && port <= end)
}

/** The ranges without one port. */
export function withoutPort(ranges: readonly PortRange[], port: number): PortRange[] {
  return ranges.flatMap(([begin, end]): PortRange[] => {
    if (port < begin || port > end) return [[begin, end]]
    const parts: PortRange[] = []
    if (begin < port) parts.push([begin, port - 1])
    if (port < end) parts.push([port + 1, end])
    return parts
  })
}

/** Overlapping and touching ranges joined, ascending: an agent may announce them in any way. */
export function normalRanges(ranges: readonly PortRange[]): PortRange[] {
  const sorted = ranges.filter(([begin, end]) => begin <= end).sort((a, b) => a[0] - b[0])
  const joined: [number, number][] = []
  for (const [begin, end] of sorted) {
    const last = joined.at(-1)
    if (last && begin <= last[1] + 1) last[1] = Math.max(last[1], end)
    else joined.push([begin, end])
  }
  return joined
}

/** Single ports as ranges, neighbours joined. */
export function asRanges(ports: readonly number[]): PortRange[] {
  return normalRanges(ports.map((port): PortRange => [port, port]))
}
