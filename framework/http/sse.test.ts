// Server-sent events, read back as a browser reads them.
import { expect } from 'chai'
import fc from 'fast-check'
import type { LogEvent } from '../logs/follow.ts'
import { comment, LogEventEncoder, parseEventId } from './sse.ts'

interface ServerEvent {
  readonly type: string
  readonly id: string
  readonly data: string
}

/** As the standard says that a browser reads it. */
function parse(stream: string): ServerEvent[] {
  const events: ServerEvent[] = []
  let id = ''
  for (const block of stream.split(/\r\n\r\n|\n\n|\r\r/)) {
    let type = 'message'
    const data: string[] = []
    for (const line of block.split(/\r\n|\r|\n/)) {
      const [, field = '', value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
      if (field === 'data') data.push(value)
      if (field === 'event') type = value
      if (field === 'id') id = value
    }
    if (data.length > 0) events.push({ type, id, data: data.join('\n') })
  }
  return events
}

function chunks(attempt: number, ...parts: readonly (string | Uint8Array)[]): LogEvent[] {
  let position = 0
  return parts.map(part => {
    const bytes = Buffer.from(part)
    position += bytes.length
    return { type: 'bytes', attempt, position, bytes }
  })
}

function encode(...events: readonly LogEvent[]): string {
  const encoder = new LogEventEncoder()
  return events.map(event => encoder.encode(event)).join('')
}

describe('server-sent events of a log', () => {
  it('carry text with the place after it', () => {
    expect(encode(...chunks(2, 'one\n', 'two'))).to.equal(
      'id: 2:4\ndata: one\ndata: \n\nid: 2:7\ndata: two\n\n',
    )
  })

  it('end with an event of its own', () => {
    expect(encode({ type: 'end' })).to.equal('event: end\ndata:\n\n')
  })

  it('say what failed, on one line, and what is waited for only to those who look', () => {
    expect(encode({ type: 'failed', why: 'the agent\nis away' })).to.equal(
      'event: failed\ndata: the agent\ndata: is away\n\n',
    )
    expect(encode({ type: 'waiting', why: 'still\nthere' })).to.equal(': still there\n\n')
    expect(parse(comment('x'))).to.deep.equal([])
  })

  it('keep a character whole that two chunks share; its bytes count once it is sent', () => {
    const [head, tail] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)]
    expect(parse(encode(...chunks(1, Buffer.concat([Buffer.from('a'), head]), tail)))).to.deep.equal([
      { type: 'message', id: '1:1', data: 'a' },
      { type: 'message', id: '1:3', data: 'ü' },
    ])
  })

  it('give a character that never became whole before the end, and before another attempt', () => {
    const cut = Buffer.from([0x61, 0xe2, 0x82])
    const [first] = chunks(1, cut)
    const [second] = chunks(2, 'b')
    if (first === undefined || second === undefined) throw new Error()
    expect(parse(encode(first, second, { type: 'end' }))).to.deep.equal([
      { type: 'message', id: '1:1', data: 'a' },
      { type: 'message', id: '1:3', data: '\ufffd' },
      { type: 'message', id: '2:1', data: 'b' },
      { type: 'end', id: '2:1', data: '' },
    ])
  })

  it('make one line end of a CR LF that two chunks share', () => {
    expect(
      parse(encode(...chunks(1, 'a\r', '\nb'), { type: 'end' }))
        .map(event => event.data)
        .join(''),
    ).to.equal('a\nb')
  })

  it('do not break lines at other separators', () => {
    expect(parse(encode(...chunks(1, 'a\u2028b\u0085c'))).map(event => event.data)).to.deep.equal([
      'a\u2028b\u0085c',
    ])
  })

  it('give any text back whole, wherever it is cut, but for the kind of line ends', () => {
    const pieces = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\r', '\n', '\r\n', '\ufeff')),
    )
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(40), { maxLength: 6 }), (texts, cuts) => {
        const whole = Buffer.from(texts.join(''))
        const places = [
          0,
          ...cuts.map(cut => Math.min(cut, whole.length)).toSorted((a, b) => a - b),
          whole.length,
        ]
        const parts = places.slice(1).map((place, index) => whole.subarray(places[index], place))
        const events = parse(encode(...chunks(1, ...parts), { type: 'end' }))
        const text = events.filter(event => event.type === 'message').map(event => event.data)
        expect(text.join('')).to.equal(whole.toString().replace(/\r\n|\r/g, '\n'))
        if (whole.length > 0) expect(events.at(-2)?.id).to.equal(`1:${whole.length}`)
      }),
      { numRuns: 300 },
    )
  })

  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), parts => {
        const last = parse(encode(...chunks(1, ...parts), { type: 'end' })).at(-1)
        expect(last?.type).to.equal('end')
      }),
    )
  })

  const ids: [string, ReturnType<typeof parseEventId>][] = [
    ['1:0', { attempt: 1, position: 0 }],
    ['12:123456', { attempt: 12, position: 123_456 }],
    ['', undefined],
    ['5', undefined],
    ['1:-1', undefined],
    ['1:2:3', undefined],
    ['1:99999999999999999', undefined],
  ]
  for (const [id, expected] of ids) {
    it(`read the id ${JSON.stringify(id)}`, () => {
      expect(parseEventId(id)).to.deep.equal(expected)
    })
  }
})
