// How a master introduces itself in SUBSCRIBED and on its pages. Pure.
import type { DomainInfo, MasterInfo } from 'mesos-http-client'

/** The version that the recordings were made with; what is imitated here. */
export const mesosVersion = '1.12.0'

export function masterInfo(id: string, host: string, port: number, domain?: DomainInfo): MasterInfo {
  return {
    id,
    ip: networkOrder(host),
    port,
    pid: `master@${host}:${port}`,
    hostname: host,
    version: mesosVersion,
    address: { hostname: host, ip: host, port },
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
    ...(domain !== undefined && { domain }),
  }
}

/** The old field `ip`: the bytes of the address read as a little-endian number, 127.0.0.1 → 16777343. */
function networkOrder(host: string): number {
  const bytes = host.split('.').map(Number)
  if (bytes.length !== 4 || bytes.some(byte => Number.isNaN(byte))) return 16_777_343
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0)
}
