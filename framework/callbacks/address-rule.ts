// Which addresses a callback may go to. A callback's URL comes from a client, but the request comes from inside the
// cluster's network: without a rule, clients could reach what only this machine may. Pure.
import { BlockList, isIP, isIPv6 } from 'node:net'

export interface AddressRule {
  /** Why an IP address is refused; undefined where it is not. */
  refusal(address: string): string | undefined
}

export interface AddressRuleOptions {
  /** True where this process itself listens on loopback: then whoever submits is on this machine anyway. */
  readonly allowLoopback: boolean
}

/**
 * Private networks are allowed, since that is where a cluster and its users live. Refused are addresses that only this
 * machine reaches (loopback, link-local, and with that the metadata services of clouds), and those that are nobody's.
 */
export function defaultAddressRule(options: AddressRuleOptions): AddressRule {
  const refused: [string, BlockList][] = [
    ['is link-local', listOf('169.254.0.0/16', 'fe80::/10')],
    // Those that are not link-local: Alibaba, Oracle, Azure, AWS over IPv6.
    [
      'is a metadata service',
      listOf('100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32', 'fd00:ec2::254/128'),
    ],
    ['is no address of a host', listOf('0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8')],
  ]
  if (!options.allowLoopback) refused.push(['is loopback', listOf('127.0.0.0/8', '::1/128')])
  return {
    refusal(address) {
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (isIP(address) === 0) return 'is no address'
      // Addresses of IPv4 that are written as IPv6 are found in both lists.
      return refused.find(([, list]) => list.check(address, family))?.[0]
    },
  }
}

function listOf(...subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/')
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return list
}
