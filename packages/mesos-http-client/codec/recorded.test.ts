import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import { textOf, traces } from '../testing/traces.ts'
import { codec } from './index.ts'
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

describe('codec on recorded messages', function () {
  this.timeout(20_000)
  const { protobufs, jsons } = recorded()

  it('decodes every recorded protobuf message and encodes it to the same bytes', () => {
    expect(protobufs).to.have.length.above(20)
    for (const { type, bytes, view } of protobufs) {
      const message = protobuf.decode(type, bytes)
      deepStrictEqual(message, json.decode(type, bytesOf(view)))
      expect(Buffer.from(protobuf.encode(type, message)).toString('hex')).to.equal(
        Buffer.from(bytes).toString('hex'),
      )
    }
  })

  it('gives every recorded JSON message the same meaning in both encodings', () => {
    expect(jsons).to.have.length.above(900)
    for (const { type, text } of jsons) {
      const message = json.decode(type, bytesOf(text))
      deepStrictEqual(protobuf.decode(type, protobuf.encode(type, message)), message)
      deepStrictEqual(json.decode(type, json.encode(type, message)), message)
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
})
