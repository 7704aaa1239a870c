import { expect } from 'chai'
import { recordedMasterInfos } from '../testing/znodes.ts'
import { leadingNode, masterUrl } from './leader.ts'

describe('the election of Mesos (S17)', () => {
  it('is won by the lowest json.info_, whatever else is there', () => {
    expect(
      leadingNode(['json.info_0000000010', 'log_replicas', 'json.info_0000000009', 'info_0000000001']),
    ).to.equal('json.info_0000000009')
    expect(leadingNode(['log_replicas', 'json.info_', 'json.info_1', 'xjson.info_0000000001'])).to.equal(
      undefined,
    )
    expect(leadingNode([])).to.equal(undefined)
  })

  it('finds the recorded master by its address, over TLS by its name', () => {
    const [data = Buffer.alloc(0)] = recordedMasterInfos()
    expect(masterUrl(data, 'http')).to.equal('http://127.0.0.1:5050')
    expect(masterUrl(data, 'https')).to.equal('https://master.example:5050')
  })

  for (const [info, url] of [
    [{ ip: 16_777_343, port: 5050, hostname: 'old.example' }, 'http://127.0.0.1:5050'],
    [{ ip: 4_261_521_600, port: 5050 }, 'http://192.168.1.254:5050'],
    [{ port: 5050, hostname: 'old.example' }, 'http://old.example:5050'],
    [{ address: { hostname: 'h', port: 80 } }, 'http://h:80'],
    [{ address: { ip: '::1', port: 5050 } }, 'http://[::1]:5050'],
  ] as const) {
    it(`reads ${JSON.stringify(info)}`, () => {
      expect(masterUrl(Buffer.from(JSON.stringify(info)), 'http')).to.equal(new URL(url).origin)
    })
  }

  for (const text of [
    '',
    '<html>',
    'null',
    '[]',
    '{}',
    '{"port":5050}',
    '{"ip":16777343}',
    '{"hostname":"a/b","port":1}',
    '{"hostname":"u@b","port":1}',
    '{"hostname":"a","port":99999}',
    '{"hostname":"a","port":"5050"}',
  ]) {
    it(`refuses ${text || 'nothing'}`, () => {
      expect(() => masterUrl(Buffer.from(text), 'http'))
        .to.throw('address and port')
        .with.property('code', 'no_leader')
    })
  }
})
