import { expect } from 'chai'
import type { ExecutorInfo } from 'mesos-http-client'
import { formatDuration } from './duration.ts'
import { idError } from './ids.ts'
import { sameExecutor } from './same.ts'
import { isValidUuid, uuidBytes } from './uuid.ts'

describe('what Mesos takes as the same', () => {
  const info: ExecutorInfo = {
    type: 'CUSTOM',
    executor_id: { value: 'ex' },
    command: { value: 'run', uris: [{ value: 'http://x/a.tar.gz' }] },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ],
    data: new Uint8Array([1]),
  }

  it('is an ExecutorInfo in another order, with defaults written out or not (S47)', () => {
    const { type, ...rest } = info
    const written: ExecutorInfo = {
      ...rest,
      ...(type !== undefined && { type }),
      command: { shell: true, value: 'run', uris: [{ value: 'http://x/a.tar.gz', extract: true }] },
      resources: [...(info.resources ?? [])].reverse(),
    }
    expect(sameExecutor(info, written)).to.equal(true)
  })

  it('is not one that differs in anything', () => {
    const others: Partial<ExecutorInfo>[] = [
      { data: new Uint8Array([2]) },
      { name: 'other' },
      { resources: info.resources?.slice(1) ?? [] },
      { command: { value: 'run' } },
      { command: { value: 'run', shell: false, uris: [{ value: 'http://x/a.tar.gz' }] } },
      { shutdown_grace_period: { nanoseconds: 1 } },
    ]
    for (const other of others) expect(sameExecutor(info, { ...info, ...other })).to.equal(false)
  })
})

describe('texts of Mesos', () => {
  it('are its durations', () => {
    const cases = [900_000, 2000, 250, 5000, 3_600_000, 86_400_000, 604_800_000, 1500, 90_000, 0]
    expect(cases.map(formatDuration)).to.deep.equal([
      '15mins',
      '2secs',
      '250ms',
      '5secs',
      '1hrs',
      '1days',
      '1weeks',
      '1.5secs',
      '90secs',
      '0ns',
    ])
  })

  it('are its refusals of ids (S46)', () => {
    expect(idError('a b ü')).to.equal(undefined)
    expect(idError('x'.repeat(255))).to.equal(undefined)
    for (const wrong of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'ü'.repeat(128)])
      expect(idError(wrong)).to.be.a('string')
  })

  it('are uuids by their version (E15)', () => {
    expect(isValidUuid(uuidBytes('a0f2bd2c-6a2b-4d0e-9b7e-6f3b0a4f1c11'))).to.equal(true)
    expect(isValidUuid(uuidBytes('a0f2bd2c-6a2b-0d0e-9b7e-6f3b0a4f1c11'))).to.equal(false)
    expect(isValidUuid(new Uint8Array(15))).to.equal(false)
  })
})
