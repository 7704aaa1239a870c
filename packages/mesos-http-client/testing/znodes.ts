// The nodes that two recorded masters had in ZooKeeper, in the order of their election.
import { trace } from './traces.ts'

/** The MasterInfo in each `json.info_…`, byte for byte. */
export function recordedMasterInfos(): Buffer[] {
  const nodes = trace('15').actions.find(({ znodes }) => znodes !== undefined)?.znodes ?? []
  return nodes
    .filter(({ path }) => /\/json\.info_\d+$/.test(path))
    .map(node => Buffer.from(node.data_text ?? ''))
}
