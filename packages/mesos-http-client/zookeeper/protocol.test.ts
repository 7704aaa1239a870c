import { expect } from 'chai'
import fc from 'fast-check'
import { FrameParser, frame } from './frames.ts'
import {
  Reader,
  Writer,
  authRequest,
  connectRequest,
  createRequest,
  readConnectResponse,
  readReply,
  readRequest,
} from './protocol.ts'

describe('ZooKeeper frames', () => {
  it('come out whole, however the bytes were cut', () => {
    const bodies = ['', 'a', 'bc', 'def'].map(text => Buffer.from(text))
    const bytes = Buffer.concat(bodies.map(frame))
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const parser = new FrameParser()
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        const found = parts.flatMap(part => parser.push(part)).map(String)
        expect(found, `cut at ${first} and ${second}`).to.deep.equal(['', 'a', 'bc', 'def'])
      }
    }
  })

  it('are refused when no length can be meant', () => {
    for (const length of [-1, 4 * 1024 * 1024 + 1]) {
      const bytes = Buffer.alloc(4)
      bytes.writeInt32BE(length)
      expect(() => new FrameParser().push(bytes)).to.throw(RangeError)
    }
  })
})

describe('ZooKeeper messages', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

  // zookeeper.jute, by hand
  for (const [what, bytes, expected] of [
    [
      'ConnectRequest',
      connectRequest({ sessionTimeoutMs: 10_000, lastZxid: 5n }),
      `00000000 0000000000000005 00002710 0000000000000000 00000010 ${'00'.repeat(16)} 00`,
    ],
    [
      'ConnectRequest of a known session',
      connectRequest({
        sessionTimeoutMs: 1,
        lastZxid: 0n,
        session: { id: 7n, password: Buffer.from('0123456789abcdef') },
      }),
      `00000000 0000000000000000 00000001 0000000000000007 00000010 ${hex(Buffer.from('0123456789abcdef'))} 00`,
    ],
    [
      'auth',
      authRequest('digest', 'u:p'),
      'fffffffc 00000064 00000000 00000006 646967657374 00000003 753a70',
    ],
    ['getChildren', readRequest(1, 'getChildren', '/m'), '00000001 00000008 00000002 2f6d 01'],
    ['getData', readRequest(2, 'getData', '/m'), '00000002 00000004 00000002 2f6d 01'],
    ['exists', readRequest(3, 'exists', '/m'), '00000003 00000003 00000002 2f6d 01'],
    [
      'create',
      createRequest(4, '/m', Buffer.from('x'), { kind: 'ephemeral_sequential', allow: 'anyone' }),
      '00000004 00000001 00000002 2f6d 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000003',
    ],
  ] as const) {
    it(`encodes ${what}`, () => {
      expect(hex(bytes)).to.equal(expected.replaceAll(' ', ''))
    })
  }

  it('reads a session, and a reply with its children', () => {
    const session = new Writer().int(0).int(4000).long(9n).buffer(Buffer.from('secret')).bytes()
    expect(readConnectResponse(session)).to.deep.equal({
      timeoutMs: 4000,
      id: 9n,
      password: Buffer.from('secret'),
    })
    const reply = readReply(new Writer().int(1).long(2n).int(0).int(2).string('a').string('é').bytes())
    expect([reply.xid, reply.zxid, reply.error, reply.body.strings()]).to.deep.equal([1, 2n, 0, ['a', 'é']])
  })

  it('throws RangeError, and takes no memory, for whatever a peer may send', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        for (const read of [
          () => readConnectResponse(Buffer.from(bytes)),
          () => readReply(Buffer.from(bytes)).body.strings(),
          () => new Reader(Buffer.from(bytes)).buffer(),
        ]) {
          try {
            read()
          } catch (error) {
            expect(error).to.be.instanceOf(RangeError)
          }
        }
      }),
    )
  })
})
