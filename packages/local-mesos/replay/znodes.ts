// Holds the MasterInfos of the masters that take part in the election against the recorded nodes of ZooKeeper.
import type { LocalMaster } from '../local-master.ts'
import type { Mapping } from './mapping.ts'
import type { TraceNode } from './trace.ts'

/** Throws at the first thing that is not as recorded. */
export function checkNodes(
  nodes: readonly TraceNode[],
  masters: readonly LocalMaster[],
  mapping: Mapping,
): void {
  const recorded = nodes.filter(({ path }) => /\/json\.info_\d+$/.test(path)).map(({ data }) => data)
  const infos = masters.flatMap(({ info }) => (info === undefined ? [] : [info]))
  const difference = mapping.match(recorded, infos)
  if (difference !== undefined) throw new Error(`a node differs: ${JSON.stringify(difference)}`)
}
