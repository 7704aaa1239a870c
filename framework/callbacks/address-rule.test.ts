// Where callbacks may go.
import { expect } from 'chai'
import { defaultAddressRule } from './address-rule.ts'

describe('addresses of callbacks', () => {
  const rule = defaultAddressRule({ allowLoopback: false })

  for (const address of [
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '8.8.8.8',
    '2001:db8::1',
    'fd12::1',
    '100.64.0.1',
  ]) {
    it(`allow ${address}`, () => {
      expect(rule.refusal(address)).to.equal(undefined)
    })
  }

  const refused: [string, RegExp][] = [
    ['127.0.0.1', /loopback/],
    ['127.8.8.8', /loopback/],
    ['::1', /loopback/],
    ['::ffff:127.0.0.1', /loopback/],
    ['::ffff:7f00:1', /loopback/],
    ['169.254.169.254', /link-local/],
    ['::ffff:169.254.169.254', /link-local/],
    ['fe80::1', /link-local/],
    ['100.100.100.200', /metadata/],
    ['168.63.129.16', /metadata/],
    ['fd00:ec2::254', /metadata/],
    ['0.0.0.0', /no address of a host/],
    ['::', /no address of a host/],
    ['224.0.0.1', /no address of a host/],
    ['255.255.255.255', /no address of a host/],
    ['ff02::1', /no address of a host/],
    ['host', /no address/],
    ['', /no address/],
  ]
  for (const [address, why] of refused) {
    it(`refuse ${JSON.stringify(address)}`, () => {
      expect(rule.refusal(address)).to.match(why)
    })
  }

  it('include loopback where this process listens there, and nothing more', () => {
    const own = defaultAddressRule({ allowLoopback: true })
    expect(['127.0.0.1', '::1'].map(address => own.refusal(address))).to.deep.equal([undefined, undefined])
    expect(own.refusal('169.254.169.254')).to.match(/link-local/)
  })
})
