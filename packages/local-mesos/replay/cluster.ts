// The cluster of the recordings: its two agents, and what its addresses and folders are here.
import type { LocalMesos } from '../local-mesos.ts'
import type { Origin } from './origin.ts'
import { stubCommand } from './stubs.ts'

/** Recorded text → live text, wherever it occurs. */
export function texts(cluster: LocalMesos, origin: Origin | undefined): (readonly [string, string])[] {
  const first = cluster.agents.find(agent => agent.hostname === 'agent1.example')
  const second = cluster.agents.find(agent => agent.hostname === 'agent2.example')
  const standby = cluster.masters[1]?.port ?? 0
  return [
    ['master.example:5050', `127.0.0.1:${cluster.port}`],
    ['master2.example:5060', `127.0.0.1:${standby}`],
    ['127.0.0.1:5060', `127.0.0.1:${standby}`],
    ['master2.example', '127.0.0.1'],
    ['127.0.0.1:8000', origin?.address ?? ''],
    // Nobody listens there.
    ['127.0.0.1:8999', '127.0.0.1:1'],
    ['127.0.0.1:5050', `127.0.0.1:${cluster.port}`],
    ['127.0.0.1:5051', `127.0.0.1:${first?.port ?? 0}`],
    ['127.0.0.1:5052', `127.0.0.1:${second?.port ?? 0}`],
    ['master.example', '127.0.0.1'],
    ['/var/lib/mesos2', second?.workDir ?? ''],
    ['/var/lib/mesos', first?.workDir ?? ''],
    ['/usr/libexec/example/executor', stubCommand],
    // A real agent took longer to find out that it is not there.
    ['/no/such/executor', 'sleep 0.3; /no/such/executor'],
  ]
}

export function agentOptions(number: 1 | 2): {
  hostname: string
  attributes: Record<string, string>
  resources: { cpus: number; memMb: number; diskMb: number; ports: [number, number][] }
} {
  return {
    hostname: `agent${number}.example`,
    attributes: { rack: `r${number}`, zone: `z${number}`, cores: '8', ports_ok: '[1-3]' },
    resources: {
      cpus: 8,
      memMb: 8192,
      diskMb: 8192,
      ports: [number === 1 ? [31_000, 31_099] : [31_100, 31_199]],
    },
  }
}
