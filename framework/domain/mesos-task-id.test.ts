import { expect } from 'chai'
import fc from 'fast-check'
import { mesosTaskId } from './mesos-task-id.ts'

const zero = () => 0

describe('Mesos task id', () => {
  it('is made of name, task, attempt and chance', () => {
    expect(mesosTaskId({ name: 'transcode', taskId: 12, attempt: 3 }, zero)).to.equal('transcode-12-3-aaaa')
    expect(mesosTaskId({ name: 'Über/Größe  x!', taskId: 1, attempt: 1 }, zero)).to.equal(
      'U-ber-Gro-e-x-1-1-aaaa',
    )
    expect(mesosTaskId({ name: '…/', taskId: 1, attempt: 1 }, () => 0.999)).to.equal('task-1-1-9999')
  })

  /** Any UTF-16 code units, whole characters or not. */
  const names = fc.array(fc.nat(0xffff), { maxLength: 200 }).map(units => String.fromCharCode(...units))

  it('is valid for Mesos whatever the name (S46)', () => {
    fc.assert(
      fc.property(names, fc.maxSafeNat(), (name, taskId) => {
        const id = mesosTaskId({ name, taskId, attempt: 1 }, Math.random)
        expect(id).to.match(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/)
        expect(id.length).to.be.below(80)
      }),
    )
  })
})
