import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import fc from 'fast-check'
import type { TaskInfo, TaskStatus } from '../generated/messages.ts'
import { codec, codecOf } from './index.ts'

const json = codec('json')
const protobuf = codec('protobuf')
const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('codec', function () {
  this.timeout(20_000)

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

  it('keeps any text, bytes and numbers (property)', () => {
    const plain = { noNullPrototype: true } as const
    const statuses = fc.record(
      {
        task_id: fc.record({ value: fc.string({ unit: 'grapheme' }) }, plain),
        state: fc.constantFrom<TaskStatus['state']>('TASK_RUNNING', 'TASK_LOST', 'TASK_STAGING'),
        message: fc.string({ unit: 'binary' }),
        data: fc.uint8Array(),
        timestamp: fc.double({ noNaN: true, noDefaultInfinity: true }).filter(value => !Object.is(value, -0)),
        healthy: fc.boolean(),
        unreachable_time: fc.record({ nanoseconds: fc.bigInt(-(2n ** 63n), -(2n ** 53n)) }, plain),
      },
      { requiredKeys: ['task_id', 'state'], ...plain },
    )
    fc.assert(
      fc.property(statuses, status => {
        for (const each of [json, protobuf]) {
          deepStrictEqual(each.decode('TaskStatus', each.encode('TaskStatus', status)), status)
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
