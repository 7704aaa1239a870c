import { expect } from 'chai'
import fc from 'fast-check'
import { describeZooKeeperUrl, parseZooKeeperUrl } from './url.ts'

describe('parseZooKeeperUrl', () => {
  it('reads servers, path and credentials as Mesos does', () => {
    expect(parseZooKeeperUrl('zk://a:1,b.example:2/mesos')).to.deep.equal({
      servers: [
        { host: 'a', port: 1 },
        { host: 'b.example', port: 2 },
      ],
      path: '/mesos',
    })
    expect(parseZooKeeperUrl('zk://u:p@ss:word@[::1]:2181, c/clusters/one/')).to.deep.equal({
      servers: [
        { host: '::1', port: 2181 },
        { host: 'c', port: 2181 },
      ],
      path: '/clusters/one',
      credentials: 'u:p@ss:word',
    })
  })

  for (const [text, why] of [
    ['http://a/mesos', /must begin with zk/],
    ['zk://topsecret:2181', /path of the masters is missing/],
    ['zk://topsecret:2181/', /path of the masters is missing/],
    ['zk://topsecret:2181/a//b', /empty part/],
    ['zk://topsecret@a:2181/mesos', /user:password/],
    ['zk://topsecret:@a:2181/mesos', /user:password/],
    ['zk://:topsecret@a:2181/mesos', /user:password/],
    ['zk://u:topsecret@a:0/mesos', /port from 1 to 65535/],
    ['zk://u:topsecret@a:65536/mesos', /port from 1 to 65535/],
    ['zk://u:topsecret@a:1,/mesos', /each server must be host:port/],
    ['zk:///mesos', /each server must be host:port/],
    ['zk://u:topsecret@a b:1/mesos', /each server must be host:port/],
  ] as const) {
    it(`refuses ${text} without repeating it`, () => {
      expect(() => parseZooKeeperUrl(text)).to.throw(TypeError, why)
      expect(() => parseZooKeeperUrl(text)).not.to.throw(/topsecret/)
    })
  }

  it('throws nothing but TypeError, and never shows credentials', () => {
    const text = fc.tuple(fc.stringMatching(/^[ -.0-~]*$/), fc.string()).map(parts => parts.join('/'))
    fc.assert(
      fc.property(text, rest => {
        try {
          const url = parseZooKeeperUrl(`zk://user:topsecret@${rest}`)
          expect(describeZooKeeperUrl(url)).not.to.include('topsecret')
        } catch (error) {
          expect(error).to.be.instanceOf(TypeError)
          expect(String(error)).not.to.include('topsecret')
        }
      }),
    )
  })
})
