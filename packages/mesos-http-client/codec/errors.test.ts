import { expect } from 'chai'
import fc from 'fast-check'
import { MesosError } from '../errors.ts'
import type { SchedulerCall } from '../generated/messages.ts'
import { codec } from './index.ts'

const json = codec('json')
const protobuf = codec('protobuf')
const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('codec: errors', function () {
  this.timeout(20_000)

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
