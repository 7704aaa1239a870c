// Offers as recorded from a real master, and the pieces that are given back.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Offer } from 'mesos-http-client'
import { agentSchemeOf, agentUrl, giveBack, offerSnapshot } from './offer-snapshot.ts'
import { offer, ports, scalar } from './testing/support.ts'

interface Recorded {
  exchanges: { response?: { records?: { event?: { offers?: { offers: Offer[] } } }[] } }[]
}

function recordedOffers(file: string): Offer[] {
  const url = new URL(`../../test/fixtures/mesos-traces/${file}`, import.meta.url)
  const { exchanges } = JSON.parse(readFileSync(url, 'utf8')) as Recorded
  return exchanges.flatMap(e => e.response?.records ?? []).flatMap(r => r.event?.offers?.offers ?? [])
}

describe('offer snapshot', () => {
  it('reads a recorded offer', () => {
    const [recorded] = recordedOffers('01-subscribe-first.json')
    if (!recorded) throw new Error('no offer in the recording')
    const snapshot = offerSnapshot(recorded)
    expect(snapshot).to.deep.include({ hostname: 'agent2.example', role: 'web', gpus: false })
    expect(snapshot.lumps).to.deep.equal([
      { kind: 'ports', index: 0, ranges: [[31100, 31199]], reserved: false },
      { kind: 'scalar', name: 'cpus', index: 1, amountMillis: 8000, reserved: false },
      { kind: 'scalar', name: 'mem', index: 2, amountMillis: 8_192_000, reserved: false },
      { kind: 'scalar', name: 'disk', index: 3, amountMillis: 8_192_000, reserved: false },
    ])
    expect(Object.fromEntries(snapshot.attributes)).to.deep.equal({
      rack: ['r2'],
      zone: ['z2'],
      cores: [8],
      ports_ok: [[1, 3]],
    })
    expect(agentUrl(recorded, 'http')).to.equal('http://127.0.0.1:5052')
    // Mesos writes http there whatever its agents speak; over TLS the certificate bears the name.
    expect(agentUrl(recorded, 'https')).to.equal('https://agent2.example:5052')
  })

  it('reads planned maintenance (S44)', () => {
    const recorded = recordedOffers('20-maintenance.json').find(o => o.unavailability)
    if (!recorded) throw new Error('no unavailability in the recording')
    const { unavailable } = offerSnapshot(recorded)
    expect(unavailable?.fromMs).to.equal(1_795_332_995_023)
    expect(unavailable?.untilMs).to.equal(1_795_332_995_023 + 3_600_000)
  })

  it('leaves alone what is not plain: revocable, shared, volumes, mounts, resource providers, GPUs (S31)', () => {
    const snapshot = offerSnapshot(
      offer('o1', 'a1', [
        scalar('cpus', 1, { revocable: {} }),
        scalar('disk', 1, { shared: {} }),
        scalar('disk', 1, { disk: { persistence: { id: 'v' } } }),
        scalar('disk', 1, { disk: { source: { type: 'MOUNT' } } }),
        scalar('disk', 1, { provider_id: { value: 'p' } }),
        scalar('gpus', 2),
        scalar('mem', 0.0014),
        { name: 'set', type: 'SET', set: { item: ['x'] } },
      ]),
    )
    expect(snapshot.lumps).to.deep.equal([
      { kind: 'scalar', name: 'mem', index: 6, amountMillis: 1, reserved: false },
    ])
    expect(snapshot.gpus).to.equal(true)
  })

  it('counts in thousandths, whatever floating point made of them (S41)', () => {
    const { lumps } = offerSnapshot(offer('o1', 'a1', [scalar('cpus', 0.1 + 0.2), scalar('mem', 2.9999999)]))
    expect(lumps.map(lump => lump.kind === 'scalar' && lump.amountMillis)).to.deep.equal([300, 2999])
  })

  it('gives pieces back in the shape in which they came, with role and reservations (S29, S42)', () => {
    const reservations = [{ type: 'STATIC' as const, role: 'juice' }]
    const reserved = scalar('cpus', 4, { reservations })
    const { allocation_info: _, ...bare } = scalar('mem', 100)
    const held = offer('o1', 'a1', [reserved, bare, ports([31000, 31009])])
    expect(offerSnapshot(held).lumps.map(lump => lump.reserved)).to.deep.equal([true, false, false])
    const resources = giveBack(
      [
        { kind: 'scalar', offerId: 'o1', index: 0, amountMillis: 1500 },
        { kind: 'scalar', offerId: 'o1', index: 1, amountMillis: 32_000 },
        {
          kind: 'ports',
          offerId: 'o1',
          index: 2,
          ranges: [
            [31000, 31000],
            [31004, 31005],
          ],
        },
      ],
      new Map([['o1', held]]),
    )
    expect(resources).to.deep.equal([
      scalar('cpus', 1.5, { reservations }),
      scalar('mem', 32),
      ports([31000, 31000], [31004, 31005]),
    ])
  })

  it('writes IPv6 addresses of agents in brackets', () => {
    const held = offer('o1')
    const url = { scheme: 'https', address: { ip: '::1', port: 5051 } }
    expect(agentUrl({ ...held, url }, 'http')).to.equal('https://[::1]:5051')
  })

  const clusters: [string, { masters: string[]; ca?: string }, string][] = [
    ['http', { masters: ['http://m1:5050'] }, 'http'],
    ['http, though a CA is given', { masters: ['http://m1:5050'], ca: 'pem' }, 'http'],
    ['https', { masters: ['https://m1:5050', 'https://m2:5050'] }, 'https'],
    ['zk', { masters: ['zk://z1:2181/mesos'] }, 'http'],
    ['zk with a CA', { masters: ['zk://z1:2181/mesos'], ca: 'pem' }, 'https'],
  ]
  for (const [title, mesos, scheme] of clusters) {
    it(`reads logs of agents as the masters are spoken to: ${title}`, () => {
      expect(agentSchemeOf(mesos)).to.equal(scheme)
    })
  }
})
