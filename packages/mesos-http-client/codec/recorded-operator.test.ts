// The operator API as recorded: every call, answer and event, in both encodings.
import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import type { TraceExchange } from '../testing/traces.ts'
import { textOf, traces } from '../testing/traces.ts'
import { codec } from './index.ts'
import type { MessageName } from './names.ts'

const json = codec('json')
const protobuf = codec('protobuf')
const bytesOf = (text: string) => new TextEncoder().encode(text)

interface Recorded {
  readonly type: MessageName
  readonly text: string
}

/** What one exchange at /api/v1 said; calls only where Mesos understood them. */
function messagesOf({ to, request, response }: TraceExchange): Recorded[] {
  const side = to.startsWith('master') ? 'master' : 'agent'
  const understood = response.status < 400 || response.status === 404
  const call: Recorded[] = understood ? [{ type: `${side}.Call`, text: textOf(request.body) }] : []
  const events = (response.records ?? []).map((record): Recorded => ({
    type: 'master.Event',
    text: textOf(record.event),
  }))
  const body = response.status === 200 && response.records === undefined ? textOf(response.body) : ''
  return [...call, ...events, ...(body === '' ? [] : [{ type: `${side}.Response`, text: body } as const])]
}

const exchanges = traces().flatMap(trace =>
  trace.exchanges.filter(({ request }) => request.path === '/api/v1' && request.method === 'POST'),
)
const recorded = exchanges.flatMap(messagesOf)

/** Where a value stands and what it is, for all that is neither a list nor an object. */
function leaves(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => leaves(each, `${path}[${index}]`))
  if (typeof value !== 'object' || value === null) return [`${path}=${JSON.stringify(value)}`]
  return Object.entries(value).flatMap(([name, each]) => leaves(each, `${path}.${name}`))
}

describe('codec on the recorded operator API', function () {
  this.timeout(20_000)

  it('knows what was recorded', () => {
    const count = (type: MessageName) => recorded.filter(each => each.type === type).length
    expect(count('master.Call')).to.be.above(25)
    expect(count('master.Response')).to.be.above(15)
    expect(count('master.Event')).to.equal(13)
    expect(count('agent.Call')).to.be.above(6)
    expect(count('agent.Response')).to.be.above(6)
  })

  it('gives every message the same meaning in both encodings', () => {
    for (const { type, text } of recorded) {
      const message = json.decode(type, bytesOf(text))
      deepStrictEqual(protobuf.decode(type, protobuf.encode(type, message)), message)
      deepStrictEqual(json.decode(type, json.encode(type, message)), message)
    }
  })

  it('drops and changes no value of any message', () => {
    const lost = recorded.flatMap(({ type, text }) => {
      const after: unknown = JSON.parse(
        new TextDecoder().decode(json.encode(type, json.decode(type, bytesOf(text)))),
      )
      const kept = new Set(leaves(after))
      return leaves(JSON.parse(text)).filter(leaf => !kept.has(leaf))
    })
    // of Mesos' inner SlaveInfo: the v1 contract has no such field
    expect(lost.filter(leaf => !leaf.endsWith('.agent_info.checkpoint=true'))).to.deep.equal([])
    expect(lost).to.have.length(8)
  })
})
