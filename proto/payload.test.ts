import { expect } from 'chai'
import { taskOutcome, taskPayload } from './payload.ts'

describe('payload of a task', () => {
  it('comes back as it was sent, with absent fields undefined', () => {
    const payload = {
      taskId: 2 ** 53 - 1,
      attempt: 3,
      image: 'busybox',
      args: ['a', ''],
      env: [{ name: 'K', value: 'ü' }],
    }
    expect(taskPayload.decode(taskPayload.encode(payload))).to.deep.equal(payload)
  })

  it('keeps bytes and enums of an outcome', () => {
    const outcome = {
      exitCode: -1,
      oom: false,
      failure: 'FAILURE_OOM' as const,
      stderrTail: Buffer.from([0, 255, 10]),
    }
    expect(taskOutcome.decode(taskOutcome.encode(outcome))).to.deep.equal(outcome)
  })

  it('refuses bytes that are no message', () => {
    expect(() => taskPayload.decode(Buffer.from([0xff, 0xff, 0xff]))).to.throw()
  })
})
