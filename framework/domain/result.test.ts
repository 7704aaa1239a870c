import { expect } from 'chai'
import fc from 'fast-check'
import { parseResult } from './result.ts'

function valueOf(text: string): unknown {
  const parsed = parseResult(text)
  if ('error' in parsed) throw new Error(parsed.error)
  return parsed.value
}

describe('result.json', () => {
  it('says the same again, number by number', () => {
    const text = '{"b":1.0,"a":[12345678901234567890,1e400,-0.10],"\\u0000":"\\ud800","n":null}'
    expect(JSON.stringify(valueOf(text))).to.equal(text)
    fc.assert(
      fc.property(fc.json(), json => {
        expect(JSON.stringify(valueOf(json))).to.equal(json)
      }),
    )
  })

  it('is refused with a reason', () => {
    expect(parseResult('{')).to.deep.equal({ error: 'result.json is not JSON' })
    expect(parseResult(`"${'x'.repeat(70_000)}"`)).to.deep.equal({
      error: 'result.json is longer than 64 KB',
    })
    expect(parseResult('['.repeat(30_000) + ']'.repeat(30_000))).to.deep.equal({
      error: 'result.json is nested deeper than 100',
    })
    expect(valueOf('"[[[[\\"[["')).to.equal('[[[["[[')
  })
})
