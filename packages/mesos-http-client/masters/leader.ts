// What the nodes of Mesos' election mean: which one leads, and where its master is. Pure.
import { isIPv6 } from 'node:net'
import { MesosError } from '../errors.ts'

/** The node of the leader: the lowest number among `json.info_…`; others, such as log_replicas, are none of it. */
export function leadingNode(children: readonly string[]): string | undefined {
  return children
    .filter(name => /^json\.info_\d{10}$/.test(name))
    .toSorted()
    .at(0)
}

/**
 * Where the master is that wrote this node, such as `http://10.0.0.1:5050`. Over TLS by its name, for which it has a certificate; else by its address,
 * since its name may mean nothing here.
 * @param data a MasterInfo in JSON, also of masters that know only the old fields `ip` and `port`
 * @throws MesosError `no_leader` where it is none
 */
export function masterUrl(data: Uint8Array, scheme: 'http' | 'https'): string {
  const info = fieldsOf(parse(data))
  const address = fieldsOf(info['address'])
  const ip = text(address['ip']) ?? dotted(info['ip'])
  const hostname = text(address['hostname']) ?? text(info['hostname'])
  const host = scheme === 'https' ? (hostname ?? ip) : (ip ?? hostname)
  const port = address['port'] ?? info['port']
  if (host !== undefined && typeof port === 'number') {
    const url = URL.parse(`${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`)
    if (url !== null && url.pathname === '/' && url.username === '') return url.origin
  }
  throw new MesosError('no_leader', 'it says no address and port of a master')
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** 16777343 → 127.0.0.1: the bytes of an address in network order, read as a little-endian number. */
function dotted(value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0) return undefined
  return [0, 8, 16, 24].map(shift => (value >>> shift) & 255).join('.')
}
