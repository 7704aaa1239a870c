import { expect } from 'chai'
import fc from 'fast-check'
import { OutputDemux } from './demux.ts'

function frame(stream: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(data.length, 4)
  return Buffer.concat([header, data])
}

describe('OutputDemux', () => {
  it('gives back each stream, however the bytes are cut', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })))
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (written, cuts) => {
        const bytes = Buffer.concat(written.map(([stream, data]) => frame(stream, data)))
        const demux = new OutputDemux()
        const out = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] }
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const length = cuts[turn % cuts.length] ?? 1
          for (const { stream, data } of demux.push(bytes.subarray(at, at + length))) out[stream].push(data)
          at += length
        }
        for (const [stream, name] of [
          [1, 'stdout'],
          [2, 'stderr'],
        ] as const) {
          const expected = Buffer.concat(written.filter(([s]) => s === stream).map(([, data]) => data))
          expect(Buffer.concat(out[name]).equals(expected)).to.equal(true)
        }
      }),
    )
  })

  it('passes on a part of a long frame without waiting for the rest', () => {
    const demux = new OutputDemux()
    const [piece] = demux.push(frame(2, Buffer.alloc(1000, 7)).subarray(0, 20))
    expect(piece).to.deep.equal({ stream: 'stderr', data: Buffer.alloc(12, 7) })
  })

  it('refuses what is no such stream', () => {
    expect(() => new OutputDemux().push(Buffer.from('HTTP/1.1 500'))).to.throw('no frame of container output')
  })
})
