import { expect } from 'chai'
import fc from 'fast-check'
import { MesosError } from '../errors.ts'
import type { SchedulerCall, TaskInfo, TaskStatus } from '../generated/messages.ts'
import { textOf, traces } from '../testing/traces.ts'
import { codec, codecOf } from './index.ts'
import type { MessageName } from './names.ts'

const json = codec('json')
const protobuf = codec('protobuf')
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** The messages that were recorded on the wire, with the type that their place tells. */
function recorded() {
  const protobufs: { type: MessageName; bytes: Uint8Array; view: string }[] = []
  const jsons: { type: MessageName; text: string }[] = []
  const sides = [
    ['/api/v1/scheduler', 'scheduler'],
    ['/api/v1/executor', 'executor'],
  ] as const
  for (const { exchanges } of traces()) {
    for (const { request, response } of exchanges) {
      const side = sides.find(([path]) => request.path === path)?.[1]
      if (side === undefined) continue
      if (request.body_base64 !== undefined && request.body_decoded !== undefined) {
        const bytes = new Uint8Array(Buffer.from(request.body_base64, 'base64'))
        protobufs.push({ type: `${side}.Call`, bytes, view: textOf(request.body_decoded) })
      } else if (response.status < 300 && typeof request.body === 'object') {
        // one call says NO_SUCH_CAPABILITY on purpose, which we would not send
        const text = textOf(request.body)
        if (!text.includes('NO_SUCH_')) jsons.push({ type: `${side}.Call`, text })
      }
      for (const record of response.records ?? []) {
        const view = textOf(record.event)
        if (record.event_base64 === undefined) jsons.push({ type: `${side}.Event`, text: view })
        else {
          const bytes = new Uint8Array(Buffer.from(record.event_base64, 'base64'))
          protobufs.push({ type: `${side}.Event`, bytes, view })
        }
      }
    }
  }
  return { protobufs, jsons }
}

describe('codec', () => {
  const { protobufs, jsons } = recorded()

  it('decodes every recorded protobuf message and encodes it to the same bytes', () => {
    expect(protobufs).to.have.length.above(20)
    for (const { type, bytes, view } of protobufs) {
      const message = protobuf.decode(type, bytes)
      expect(message).to.deep.equal(json.decode(type, bytesOf(view)))
      expect(Buffer.from(protobuf.encode(type, message)).toString('hex')).to.equal(
        Buffer.from(bytes).toString('hex'),
      )
    }
  })

  it('gives every recorded JSON message the same meaning in both encodings', () => {
    expect(jsons).to.have.length.above(900)
    for (const { type, text } of jsons) {
      const message = json.decode(type, bytesOf(text))
      expect(protobuf.decode(type, protobuf.encode(type, message))).to.deep.equal(message)
      expect(json.decode(type, json.encode(type, message))).to.deep.equal(message)
    }
  })

  it('drops no field of the recorded JSON', () => {
    // by the leaves: what is an empty list or an empty map on the wire is absent in memory
    const leaves = (value: unknown): number => {
      if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + leaves(each), 0)
      if (typeof value !== 'object' || value === null) return 1
      return Object.values(value).reduce<number>((sum, each) => sum + leaves(each), 0)
    }
    const lost = new Set<string>()
    for (const { type, text } of jsons) {
      const before: unknown = JSON.parse(text)
      const after: unknown = JSON.parse(
        new TextDecoder().decode(json.encode(type, json.decode(type, bytesOf(text)))),
      )
      if (leaves(before) !== leaves(after)) lost.add(text.replace(/"framework_id":{[^}]*},/, ''))
    }
    // what the documentation says, and Mesos ignores as well
    expect([...lost]).to.deep.equal(['{"type":"SUPPRESS","suppress":{"role":"web"}}'])
  })

  it('leaves what is absent undefined, in both encodings', () => {
    const status = { task_id: { value: 't' }, state: 'TASK_RUNNING' } as const
    for (const each of [json, protobuf]) {
      const read = each.decode('TaskStatus', each.encode('TaskStatus', status))
      expect(Object.keys(read)).to.have.members(['task_id', 'state'])
      expect(read.healthy).to.equal(undefined)
    }
  })

  it('keeps 64-bit integers exact, as bigint beyond 2^53', () => {
    const info = (nanoseconds: number | bigint): TaskInfo => ({
      name: 'n',
      task_id: { value: 't' },
      agent_id: { value: 'a' },
      kill_policy: { grace_period: { nanoseconds } },
    })
    const cases = [0, -1, 30_000_000_000, Number.MAX_SAFE_INTEGER, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n]
    for (const each of [json, protobuf]) {
      for (const value of cases) {
        const read = each.decode('TaskInfo', each.encode('TaskInfo', info(value)))
        expect(read.kill_policy?.grace_period?.nanoseconds).to.equal(value)
      }
    }
    expect(new TextDecoder().decode(json.encode('TaskInfo', info(2n ** 63n - 1n)))).to.contain(
      '9223372036854775807}',
    )
  })

  it('takes unsigned 64-bit integers up to 2^64 - 1, and text for them as JSON', () => {
    const resource = (end: number | bigint) =>
      ({ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 0, end }] } }) as const
    for (const each of [json, protobuf]) {
      const read = each.decode('Resource', each.encode('Resource', resource(2n ** 64n - 1n)))
      expect(read.ranges?.range?.[0]?.end).to.equal(2n ** 64n - 1n)
    }
    const text =
      '{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":"1","end":"18446744073709551615"}]}}'
    expect(json.decode('Resource', bytesOf(text)).ranges?.range).to.deep.equal([
      { begin: 1, end: 2n ** 64n - 1n },
    ])
  })

  it('reads a double with many digits as a number', () => {
    const text = '{"name":"mem","type":"SCALAR","scalar":{"value":36893488147419103232}}'
    expect(json.decode('Resource', bytesOf(text)).scalar?.value).to.equal(2 ** 65)
  })

  it('copies bytes out of its input', () => {
    const status: TaskStatus = {
      task_id: { value: 't' },
      state: 'TASK_RUNNING',
      data: Uint8Array.of(1, 2, 3),
    }
    const input = protobuf.encode('TaskStatus', status)
    const read = protobuf.decode('TaskStatus', input)
    input.fill(0)
    expect(read.data).to.deep.equal(Uint8Array.of(1, 2, 3))
    expect(read.data?.buffer.byteLength).to.equal(3)
  })

  describe('S11: values that we do not know', () => {
    it('keeps an unknown enum value as text: its name from JSON, its number from protobuf', () => {
      const text = '{"task_id":{"value":"t"},"state":"TASK_DREAMING","reason":"REASON_NEW"}'
      const fromJson = json.decode('TaskStatus', bytesOf(text))
      expect([fromJson.state, fromJson.reason]).to.deep.equal(['TASK_DREAMING', 'REASON_NEW'])
      // task_id "t", state 77, reason 99
      const bytes = Uint8Array.of(0x0a, 3, 0x0a, 1, 0x74, 0x10, 77, 0x50, 99)
      const fromProtobuf = protobuf.decode('TaskStatus', bytes)
      expect([fromProtobuf.state, fromProtobuf.reason]).to.deep.equal(['77', '99'])
      expect(protobuf.encode('TaskStatus', fromProtobuf)).to.deep.equal(bytes)
    })

    it('skips unknown fields of every wire type, and sends them back at the end as Mesos does', () => {
      const known = protobuf.encode('TaskStatus', { task_id: { value: 't' }, state: 'TASK_LOST' })
      const strange = [
        [0x80, 0x3f, 5], // 1008, varint
        [0x81, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8], // fixed64
        [0x82, 0x3f, 2, 9, 9], // bytes
        [0x83, 0x3f, 0x08, 1, 0x84, 0x3f], // group
        [0x85, 0x3f, 1, 2, 3, 4], // fixed32
      ].flat()
      const read = protobuf.decode('TaskStatus', Uint8Array.of(...strange, ...known))
      expect(read).to.deep.equal({ task_id: { value: 't' }, state: 'TASK_LOST' })
      expect(protobuf.encode('TaskStatus', read)).to.deep.equal(Uint8Array.of(...known, ...strange))
      expect(protobuf.encode('TaskStatus', { ...read })).to.deep.equal(known)
      const text = '{"task_id":{"value":"t","new":[1,{}]},"state":"TASK_LOST","newer":{"a":null}}'
      expect(json.decode('TaskStatus', bytesOf(text))).to.deep.equal({
        task_id: { value: 't' },
        state: 'TASK_LOST',
      })
    })

    it('takes an event of a kind that it does not know', () => {
      expect(
        json.decode('scheduler.Event', bytesOf('{"type":"SOMETHING","something":{"a":1}}')),
      ).to.deep.equal({
        type: 'SOMETHING',
      })
      expect(protobuf.decode('scheduler.Event', Uint8Array.of(0x08, 99))).to.deep.equal({ type: '99' })
    })
  })

  it('takes packed and repeated numbers alike, merges a message that comes in two parts', () => {
    expect(protobuf.decode('agent.Response', Uint8Array.of(0x08, 6, 0x3a, 0, 0x3a, 0))).to.deep.equal({
      type: 'LIST_FILES',
      list_files: {},
    })
    // TaskInfo.kill_policy in two halves: both count
    const base = protobuf.encode('TaskInfo', { name: 'n', task_id: { value: 't' }, agent_id: { value: 'a' } })
    const health = [0x42, 2, 0x28, 3, 0x42, 9, 0x11, 0, 0, 0, 0, 0, 0, 0x24, 0x40]
    expect(protobuf.decode('TaskInfo', Uint8Array.of(...base, ...health)).health_check).to.deep.equal({
      consecutive_failures: 3,
      delay_seconds: 10,
    })
    // HealthCheck.http.statuses, packed
    const statuses = [0x42, 8, 0x0a, 6, 0x08, 80, 0x22, 2, 72, 7]
    expect(
      protobuf.decode('TaskInfo', Uint8Array.of(...base, ...statuses)).health_check?.http?.statuses,
    ).to.deep.equal([72, 7])
  })

  it('keeps maps whatever their keys', () => {
    const limits = Object.fromEntries([
      ['cpus', { value: 1 }],
      ['__proto__', { value: 2 }],
    ])
    const info: TaskInfo = { name: 'n', task_id: { value: 't' }, agent_id: { value: 'a' }, limits }
    for (const each of [json, protobuf]) {
      const read = each.decode('TaskInfo', each.encode('TaskInfo', info))
      expect(Object.entries(read.limits ?? {})).to.deep.equal(Object.entries(limits))
    }
  })

  describe('errors', () => {
    const thrownBy = (action: () => unknown): MesosError => {
      try {
        action()
      } catch (error) {
        if (error instanceof MesosError) return error
        throw error
      }
      throw new Error('nothing was thrown')
    }
    /** What TypeScript would refuse, such as input that was parsed elsewhere. */
    const parsed = (text: string): SchedulerCall => JSON.parse(text)

    const bad: readonly [string, string, string][] = [
      [
        'a required field deep inside',
        '{"accept":{"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"n","task_id":{"value":"t"}}]}}]}}',
        'scheduler.Call: accept.operations[0].launch.task_infos[0].agent_id is missing',
      ],
      ['an unknown enum value', '{"type":"NOPE"}', 'scheduler.Call: type is no scheduler.Call.Type: "NOPE"'],
      ['a bare string for an id', '{"framework_id":"x"}', 'scheduler.Call: framework_id is no message: "x"'],
      [
        'no list',
        '{"decline":{"offer_ids":{"value":"o"}}}',
        'scheduler.Call: decline.offer_ids is no list: object',
      ],
      [
        'a number that is none',
        '{"decline":{"filters":{"refuse_seconds":"5"}}}',
        'scheduler.Call: decline.filters.refuse_seconds is no double: "5"',
      ],
      [
        'a fraction for an integer',
        '{"kill":{"task_id":{"value":"t"},"kill_policy":{"grace_period":{"nanoseconds":1.5}}}}',
        'scheduler.Call: kill.kill_policy.grace_period.nanoseconds is no int64: 1.5',
      ],
    ]
    for (const [name, text, message] of bad) {
      it(`names what can not be sent: ${name}`, () => {
        for (const each of [json, protobuf]) {
          const error = thrownBy(() => each.encode('scheduler.Call', parsed(text)))
          expect([error.code, error.message]).to.deep.equal(['unsendable', message])
          expect(error.retryable).to.equal(false)
        }
      })
    }

    it('refuses NaN and integers out of range', () => {
      const filters = (refuse_seconds: number): SchedulerCall => ({
        decline: { filters: { refuse_seconds } },
      })
      for (const each of [json, protobuf]) {
        expect(() => each.encode('scheduler.Call', filters(Number.NaN))).to.throw(
          MesosError,
          'is no double: NaN',
        )
        expect(() =>
          each.encode('Resource', {
            name: 'ports',
            type: 'RANGES',
            ranges: { range: [{ begin: -1, end: 2n ** 64n }] },
          }),
        ).to.throw(MesosError, 'ranges.range[0].begin is no uint64: -1')
      }
    })

    it('says what is wrong with bytes that are no message', () => {
      const texts: readonly [string, RegExp][] = [
        ['', /no scheduler.Event: .*JSON/],
        ['[1]', /no scheduler.Event: is no message/],
        ['{"type":', /no scheduler.Event: /],
        ['{"type":3}', /type is no scheduler.Event.Type/],
        ['{"subscribed":{}}', /subscribed.framework_id is missing/],
        ['{"offers":{"offers":[1]}}', /offers.offers\[0\] is no message: 1/],
      ]
      for (const [text, message] of texts) {
        const error = thrownBy(() => json.decode('scheduler.Event', bytesOf(text)))
        expect(error.code).to.equal('unreadable')
        expect(error.message).to.match(message)
      }
      for (const bytes of [[0x12, 5, 1], [0x12, 0], [0x08], [0xff, 0xff], [0x07], [0x0b], [0x05]]) {
        expect(thrownBy(() => protobuf.decode('scheduler.Event', Uint8Array.from(bytes))).code).to.equal(
          'unreadable',
        )
      }
    })

    it('never fails otherwise, whatever the bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
          for (const each of [json, protobuf]) {
            try {
              each.decode('scheduler.Event', bytes)
            } catch (error) {
              if (!(error instanceof MesosError)) throw error
            }
          }
        }),
        { numRuns: 2000 },
      )
    })
  })

  it('keeps any text, bytes and numbers (property)', () => {
    const statuses = fc.record(
      {
        task_id: fc.record({ value: fc.string({ unit: 'grapheme' }) }),
        state: fc.constantFrom<TaskStatus['state']>('TASK_RUNNING', 'TASK_LOST', 'TASK_STAGING'),
        message: fc.string({ unit: 'binary' }),
        data: fc.uint8Array(),
        timestamp: fc.double({ noNaN: true, noDefaultInfinity: true }).filter(value => !Object.is(value, -0)),
        healthy: fc.boolean(),
        unreachable_time: fc.record({ nanoseconds: fc.bigInt(-(2n ** 63n), -(2n ** 53n)) }),
      },
      { requiredKeys: ['task_id', 'state'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(statuses, status => {
        for (const each of [json, protobuf]) {
          expect(each.decode('TaskStatus', each.encode('TaskStatus', status))).to.deep.equal(status)
        }
      }),
    )
  })

  it('is found by content type, which is exactly one of two (S1)', () => {
    expect(codecOf('application/json')).to.equal(json)
    expect(codecOf('application/x-protobuf')).to.equal(protobuf)
    expect(codecOf('application/json; charset=utf-8')).to.equal(undefined)
    expect(codecOf(undefined)).to.equal(undefined)
  })
})
