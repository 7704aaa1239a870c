import { expect } from 'chai'
import fc from 'fast-check'
import { MesosError } from './errors.ts'
import { RecordIoParser, encodeRecord } from './recordio.ts'
import { textOf, trace } from './testing/traces.ts'

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'utf8'))
const LIMIT = 1000

interface Outcome {
  readonly records: string[]
  /** Code of the error, of push or of end. */
  readonly error?: string
}

/** Feeds the chunks as a reader of a stream would. */
function parse(chunks: readonly Uint8Array[]): Outcome {
  const parser = new RecordIoParser({ maxRecordBytes: LIMIT })
  const records: string[] = []
  try {
    for (const chunk of chunks) {
      for (const record of parser.push(chunk)) records.push(Buffer.from(record).toString('hex'))
    }
    parser.end()
    return { records }
  } catch (error) {
    if (!(error instanceof MesosError)) throw error
    return { records, error: error.code }
  }
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge))
}

/** Every way of cutting that a network can come up with, at least for short inputs. */
function* waysOfCutting(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes]
  for (let place = 0; place <= bytes.length; place++) yield cutAt(bytes, [place])
  for (const size of [1, 2, 3, 7]) {
    const places = Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => (index + 1) * size)
    yield cutAt(bytes, places)
  }
  yield cutAt(bytes, [0, 0, 1, 1, bytes.length])
}

const hex = (...texts: string[]) => texts.map(text => Buffer.from(text, 'utf8').toString('hex'))

const table: readonly { name: string; input: string; expected: Outcome }[] = [
  { name: 'nothing', input: '', expected: { records: [] } },
  { name: 'one record', input: '5\nhello', expected: { records: hex('hello') } },
  { name: 'two records', input: '5\nhello3\nyou', expected: { records: hex('hello', 'you') } },
  { name: 'an empty record', input: '0\n', expected: { records: hex('') } },
  {
    name: 'empty ones between others',
    input: '0\n1\na0\n0\n1\nb',
    expected: { records: hex('', 'a', '', '', 'b') },
  },
  {
    name: 'digits and line feeds within a record',
    input: '6\n12\n3\n4',
    expected: { records: hex('12\n3\n4') },
  },
  {
    name: 'characters counted instead of bytes',
    input: '9\ncafé 😀',
    expected: { records: ['636166c3a920f09f98'], error: 'unreadable' },
  },
  { name: 'characters counted in bytes', input: '10\ncafé 😀', expected: { records: hex('café 😀') } },
  { name: 'leading zeros', input: '005\nhello', expected: { records: hex('hello') } },
  {
    name: 'a length of several digits',
    input: `123\n${'x'.repeat(123)}`,
    expected: { records: hex('x'.repeat(123)) },
  },
  {
    name: 'the longest record allowed',
    input: `1000\n${'x'.repeat(1000)}`,
    expected: { records: hex('x'.repeat(1000)) },
  },
  {
    name: 'one byte too long',
    input: `1001\n${'x'.repeat(1001)}`,
    expected: { records: [], error: 'unreadable' },
  },
  { name: 'a length that never ends', input: '0'.repeat(40), expected: { records: [], error: 'unreadable' } },
  {
    name: 'a record before a length too long',
    input: '1\na99999999999\n',
    expected: { records: hex('a'), error: 'unreadable' },
  },
  { name: 'no length', input: '\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'a negative length', input: '-1\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'a plus', input: '+5\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'a space', input: ' 5\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'a carriage return', input: '5\r\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'hexadecimal', input: '0x5\nhello', expected: { records: [], error: 'unreadable' } },
  { name: 'an HTML page', input: '<html>', expected: { records: [], error: 'unreadable' } },
  {
    name: 'garbage after a record',
    input: '1\na{"type"',
    expected: { records: hex('a'), error: 'unreadable' },
  },
  {
    name: 'an end within the length',
    input: '1\na12',
    expected: { records: hex('a'), error: 'disconnected' },
  },
  { name: 'an end right after the length', input: '3\n', expected: { records: [], error: 'disconnected' } },
  {
    name: 'an end within a record',
    input: '1\na3\nhe',
    expected: { records: hex('a'), error: 'disconnected' },
  },
]

describe('RecordIO (S10)', function () {
  this.timeout(20_000)

  for (const { name, input, expected } of table) {
    it(`${name}: the same however it is cut`, () => {
      for (const chunks of waysOfCutting(bytesOf(input))) expect(parse(chunks)).to.deep.equal(expected)
    })
  }

  it('gives out a real stream, byte by byte', () => {
    const texts = trace('01').exchanges.flatMap(({ response }) =>
      (response.records ?? []).map(record => textOf(record.event)),
    )
    expect(texts).to.have.length.above(5)
    const parser = new RecordIoParser()
    const records: string[] = []
    for (const text of texts) {
      for (const byte of encodeRecord(bytesOf(text))) {
        for (const record of parser.push(Uint8Array.of(byte))) records.push(Buffer.from(record).toString())
      }
    }
    expect(records).to.deep.equal(texts)
    expect(parser.pendingBytes).to.equal(0)
  })

  it('takes any records, cut anywhere (property)', () => {
    const inputs = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }).chain(records => {
      const bytes = new Uint8Array(Buffer.concat(records.map(encodeRecord)))
      return fc.tuple(fc.constant(records), fc.constant(bytes), fc.array(fc.nat({ max: bytes.length })))
    })
    fc.assert(
      fc.property(inputs, ([records, bytes, places]) => {
        expect(parse(cutAt(bytes, places))).to.deep.equal({
          records: records.map(record => Buffer.from(record).toString('hex')),
        })
      }),
    )
  })

  it('says the same of any bytes, however they are cut (property)', () => {
    const digits = fc.constantFrom(...'0123456789\n\nab'.split('').map(each => each.charCodeAt(0)))
    const inputs = fc
      .array(digits, { maxLength: 40 })
      .chain(bytes => fc.tuple(fc.constant(Uint8Array.from(bytes)), fc.array(fc.nat({ max: bytes.length }))))
    fc.assert(
      fc.property(inputs, ([bytes, places]) => {
        expect(parse(cutAt(bytes, places))).to.deep.equal(parse([bytes]))
      }),
    )
  })

  it('tells what it holds, and that it failed as soon as it did', () => {
    const parser = new RecordIoParser({ maxRecordBytes: 10 })
    expect(parser.push(bytesOf('1'))).to.deep.equal([])
    expect(parser.pendingBytes).to.equal(1)
    parser.push(bytesOf('0\nabc'))
    expect(parser.pendingBytes).to.equal(3)
    expect(parser.failure).to.equal(undefined)
    expect(parser.push(bytesOf('defghij1\nk!'))).to.have.length(2)
    expect(parser.failure?.code).to.equal('unreadable')
    expect(() => parser.push(bytesOf('1\na'))).to.throw(MesosError, 'byte 0x21')
    expect(() => parser.end()).to.throw(MesosError)
    expect(parser.pendingBytes).to.equal(0)
  })

  it('hands out a view of a record within a chunk, a copy of one that is spread', () => {
    const parser = new RecordIoParser()
    const chunk = bytesOf('2\nab3\nc')
    const [within] = parser.push(chunk)
    const [spread] = parser.push(bytesOf('de'))
    chunk.fill(0x78)
    expect([within, spread].map(record => Buffer.from(record ?? []).toString())).to.deep.equal(['xx', 'cde'])
  })
})
