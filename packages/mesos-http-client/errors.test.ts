import { expect } from 'chai'
import type { MesosErrorCode } from './errors.ts'
import { MesosError, errorFromAnswer, errorFromEvent, errorFromFailure } from './errors.ts'
import type { Trace } from './testing/traces.ts'
import { textOf, trace, traces } from './testing/traces.ts'

/** Every refusal that was recorded at an endpoint: status, text and what was done. */
function refusals(path: string, of: readonly Trace[] = traces()) {
  return of.flatMap(({ exchanges }) =>
    exchanges
      .filter(({ request, response }) => request.path === path && response.status >= 300)
      .map(({ request, response, note }) => ({
        request,
        status: response.status,
        text: textOf(response.body),
        note,
      })),
  )
}

/** Every ERROR event that was recorded, and whether SUBSCRIBED came before it on its stream. */
function errorEvents(): { message: string; subscribed: boolean }[] {
  return traces().flatMap(({ exchanges }) =>
    exchanges.flatMap(({ response }) => {
      const texts = (response.records ?? []).map(record => textOf(record.event))
      return texts.flatMap((text, index) => {
        const event: { type?: string; error?: { message: string } } = JSON.parse(text)
        return event.error === undefined ? [] : [{ message: event.error.message, subscribed: index > 0 }]
      })
    }),
  )
}

const codeOf = (status: number, text: string) => errorFromAnswer('CALL', status, text).code

describe('errors', function () {
  this.timeout(20_000)

  it('reads every refusal of a real master', () => {
    const expected: readonly [MesosErrorCode, number, RegExp][] = [
      ['not_leader', 307, /^$/],
      ['unknown_framework', 400, /^Framework cannot be found/],
      ['stale_stream', 400, /^The stream ID/],
      ['principal_mismatch', 400, /Authenticated principal/],
      ['unauthenticated', 401, /Unauthorized/],
      ['not_subscribed', 403, /^Framework is not subscribed/],
      ['unavailable', 503, /^Master has not finished recovery/],
    ]
    const met = new Set<MesosErrorCode>()
    for (const { status, text, note } of refusals('/api/v1/scheduler')) {
      const [code] = expected.find(([, known, said]) => known === status && said.test(text)) ?? [
        'invalid_call',
      ]
      expect(codeOf(status, text), `${note}: ${status} ${text}`).to.equal(code)
      met.add(codeOf(status, text))
    }
    expect([...met]).to.have.members([...expected.map(([code]) => code), 'invalid_call'])
  })

  it('reads every refusal of a real agent', () => {
    const met = new Set(refusals('/api/v1/executor').map(({ status, text }) => codeOf(status, text)))
    expect([...met]).to.have.members([
      'invalid_call',
      'unavailable',
      'unknown_executor',
      'unknown_framework',
      'not_subscribed',
    ])
  })

  it('keeps what Mesos said, and what was asked', () => {
    const error = errorFromAnswer('KILL', 403, 'Framework is not subscribed\n')
    expect(error.message).to.equal('KILL: HTTP 403: Framework is not subscribed')
    expect(error.status).to.equal(403)
    expect(errorFromAnswer('KILL', 503, '').message).to.equal('KILL: HTTP 503')
    expect(errorFromAnswer('KILL', 400, 'x'.repeat(1e6)).message).to.have.length.below(1100)
  })

  it('reads every ERROR event of a real master (S15, S16, S18, S23)', () => {
    const events = errorEvents()
    expect(events).to.have.length.above(20)
    for (const { message, subscribed } of events) {
      const { code, fatal } = errorFromEvent(message, subscribed)
      const expected =
        message === 'Framework failed over'
          ? 'failed_over'
          : message === 'Framework has been removed'
            ? 'framework_removed'
            : 'refused'
      expect([code, fatal], message).to.deep.equal([expected, true])
    }
  })

  it('takes an unknown ERROR on a running stream, or an authoriser out of order, for no verdict', () => {
    for (const error of [
      errorFromEvent('Something new', true),
      errorFromEvent('Authorization failure: timed out', false),
    ]) {
      expect([error.code, error.fatal, error.retryable, error.subscriptionLost]).to.deep.equal([
        'ended_by_peer',
        false,
        true,
        true,
      ])
    }
  })

  it('answers the questions of S9: again, once more subscribed, or never', () => {
    const answers = (status: number, text: string) => {
      const { retryable, subscriptionLost, fatal } = errorFromAnswer('x', status, text)
      return { retryable, subscriptionLost, fatal }
    }
    const again = { retryable: true, subscriptionLost: false, fatal: false }
    const resubscribe = { retryable: true, subscriptionLost: true, fatal: false }
    expect(answers(503, 'Master has not finished recovery')).to.deep.equal(again)
    expect(answers(404, '')).to.deep.equal(again)
    expect(answers(502, 'Bad Gateway')).to.deep.equal(again)
    expect(answers(400, 'Framework cannot be found')).to.deep.equal(resubscribe)
    expect(answers(403, 'Framework is not subscribed')).to.deep.equal(resubscribe)
    expect(answers(307, '')).to.deep.equal(resubscribe)
    expect(answers(401, '401 Unauthorized.')).to.deep.equal({
      retryable: false,
      subscriptionLost: false,
      fatal: true,
    })
    expect(answers(400, 'Failed to parse body')).to.deep.equal({
      retryable: false,
      subscriptionLost: false,
      fatal: false,
    })
  })

  it('tells whether a call that failed may have been carried out', () => {
    const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code })
    const refused = errorFromFailure('ACCEPT', coded('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'))
    expect([refused.code, refused.maybeDone]).to.deep.equal(['unreachable', false])
    expect(refused.message).to.equal('ACCEPT: connect ECONNREFUSED 127.0.0.1:1')
    const reset = errorFromFailure('ACCEPT', coded('ECONNRESET', 'socket hang up'))
    expect([reset.code, reset.maybeDone]).to.deep.equal(['disconnected', true])
    for (const code of ['EHOSTUNREACH', 'ERR_SSL_BAD_RECORD_MAC']) {
      const late = errorFromFailure('ACCEPT', coded(code), true)
      expect([late.code, late.maybeDone], code).to.deep.equal(['disconnected', true])
    }
    expect(reset.message).to.equal('ACCEPT: socket hang up (ECONNRESET)')
    expect(errorFromFailure('x', coded('CERT_HAS_EXPIRED')).code).to.equal('unreachable')
    expect(errorFromFailure('x', 'text').message).to.equal('x: text')
    const own = new MesosError('timeout', 'late')
    expect(errorFromFailure('x', own)).to.equal(own)
    expect([own.retryable, own.maybeDone, own.status]).to.deep.equal([true, true, undefined])
  })

  it('reads operator and files answers too', () => {
    expect(codeOf(409, 'x')).to.equal('conflict')
    expect(codeOf(400, 'No framework found with specified ID')).to.equal('unknown_framework')
    const files = trace('18').exchanges.filter(({ response }) => response.status >= 400)
    const codes = files.map(({ response }) => codeOf(response.status, textOf(response.body)))
    expect(new Set(codes)).to.deep.equal(new Set(['invalid_call', 'not_found']))
  })
})
