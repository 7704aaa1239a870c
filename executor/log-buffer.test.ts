import { expect } from 'chai'
import fc from 'fast-check'
import { blockBytes, BlockPool, LogBuffer, Tail } from './log-buffer.ts'

const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 })

describe('output on its way to a file', () => {
  it('comes out as it went in, however large the pieces', () => {
    const large = fc.array(fc.integer({ min: 0, max: 3 * blockBytes }), { maxLength: 6 })
    fc.assert(
      fc.property(large, sizes => {
        const buffer = new LogBuffer(new BlockPool())
        const written: Buffer[] = []
        const expected: Buffer[] = []
        for (const [index, size] of sizes.entries()) {
          const chunk = Buffer.alloc(size, index)
          expected.push(chunk)
          buffer.append(chunk)
          if (index % 2 === 1) {
            const taken = buffer.shift()
            written.push(Buffer.from(taken?.bytes ?? []))
            taken?.release()
          }
        }
        for (let taken = buffer.shift(); taken !== undefined; taken = buffer.shift()) {
          written.push(Buffer.from(taken.bytes))
          taken.release()
        }
        expect(buffer.length).to.equal(0)
        expect(Buffer.concat(written).equals(Buffer.concat(expected))).to.equal(true)
      }),
    )
  })

  it('uses a block again once it is released', () => {
    const pool = new BlockPool()
    const buffer = new LogBuffer(pool)
    buffer.append(Buffer.from('first'))
    const first = buffer.shift()
    first?.release()
    buffer.append(Buffer.from('second'))
    expect(buffer.shift()?.bytes.buffer).to.equal(first?.bytes.buffer)
  })

  it('forgets what is cleared', () => {
    const buffer = new LogBuffer(new BlockPool())
    buffer.append(Buffer.alloc(2 * blockBytes + 1))
    buffer.clear()
    expect(buffer.length).to.equal(0)
    expect(buffer.shift()).to.equal(undefined)
  })
})

describe('tail of a stream', () => {
  it('is the last bytes of all that came', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 200 }), (parts, size) => {
        const tail = new Tail(size)
        for (const part of parts) tail.append(part)
        expect(tail.read().equals(Buffer.concat(parts).subarray(-size))).to.equal(true)
      }),
    )
  })
})
