import { expect } from 'chai'
import type { Attempt, TaskCore } from '../domain/task.ts'
import { testDatabase, type TestDatabase } from '../../test/support/postgres.ts'
import { finishTasks } from './queries/finish-tasks.ts'
import { insertTask } from './queries/insert-task.ts'
import { lockTasks } from './queries/lock-tasks.ts'
import { selectAttempts } from './queries/select-attempts.ts'
import { selectView } from './queries/select-view.ts'
import { updateTasks } from './queries/update-tasks.ts'
import { upsertAttempts } from './queries/upsert-attempts.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, seconds, 123))

const policy = {
  killGraceSeconds: 10,
  retry: { max: 1, backoffSeconds: 1, backoffFactor: 2, maxBackoffSeconds: 300 },
}

/** With every field that a task can have; `result` and `finishedAt` come with its end. */
function fullTask(id: number): TaskCore {
  return {
    id,
    tenant: 'default',
    name: 'n',
    state: 'RUNNING',
    spec: policy,
    attempt: 2,
    failures: 1,
    faults: { EXECUTOR_TERMINATED: 2 },
    message: 'line\nline "☃"',
    exitCode: -1,
    caveat: 'caveat',
    killRequestedAt: at(1),
    overranAt: at(2),
    notBefore: at(3),
    hold: { agentId: 'a', executorId: 'e', generation: 3, until: at(4) },
    waitedMs: 2 ** 40,
    queuedAt: at(5),
    submittedAt: at(0),
    startedAt: at(6),
  }
}

function fullAttempt(number: number): Attempt {
  return {
    number,
    mesosTaskId: `n-1-${number}-abcd`,
    agentId: 'a',
    hostname: 'h',
    agentUrl: 'http://h:5051',
    executorId: 'e',
    executorGeneration: 2,
    state: 'TASK_UNREACHABLE',
    reason: 'AGENT_REMOVED',
    message: 'm',
    blame: 'mesos',
    exitCode: 137,
    signal: 9,
    oom: true,
    containerId: 'c',
    sandbox: '/s',
    launchedAt: at(1),
    lastUpdateAt: at(2),
    unsettledSince: at(3),
    startedAt: at(4),
    finishedAt: at(5),
  }
}

describe('rows', function () {
  this.timeout(20_000)
  let db: TestDatabase
  before(async () => {
    db = await testDatabase()
  })
  after(() => db.close())

  const insert = async () => {
    const id = await insertTask(db.pool, {
      tenant: 'default',
      name: 'n',
      specJson: JSON.stringify(policy),
      policyJson: JSON.stringify(policy),
      submittedAt: at(0),
      timerAt: at(9),
      idempotency: undefined,
    })
    if (id === undefined) throw new Error('not inserted')
    return id
  }

  it('give back every field of a task and its attempts, live and in history', async () => {
    const id = await insert()
    const task = fullTask(id)
    const { number: _, ...bare } = fullAttempt(2)
    const attempts = [fullAttempt(1), { ...bare, number: 2 }]
    await updateTasks(db.pool, [{ task, timerAt: at(7) }])
    await upsertAttempts(
      db.pool,
      attempts.map(attempt => ({ taskId: id, attempt })),
    )
    expect(await lockTasks(db.pool, [id])).to.deep.equal([task])
    expect((await selectAttempts(db.pool, [id])).get(id)).to.deep.equal(attempts)
    const view = await selectView(db.pool, { tenant: 'default', id })
    expect(view).to.deep.equal({ ...task, attempts })
    const ended: TaskCore = { ...task, state: 'FAILED', result: { a: [1, null] }, finishedAt: at(8) }
    await finishTasks(db.pool, [{ task: ended, attempts }])
    const { overranAt: __, notBefore: ___, hold: ____, queuedAt: _____, ...kept } = ended
    expect(await selectView(db.pool, { tenant: 'default', id })).to.deep.equal({ ...kept, attempts })
    expect(await lockTasks(db.pool, [id])).to.deep.equal([])
  })

  it('give back nothing where a field is absent, and take a field away', async () => {
    const id = await insert()
    const least: TaskCore = {
      id,
      tenant: 'default',
      name: 'n',
      state: 'LAUNCHING',
      spec: policy,
      attempt: 1,
      failures: 0,
      faults: {},
      waitedMs: 0,
      submittedAt: at(0),
    }
    const { number, mesosTaskId, agentId, hostname, agentUrl, executorId } = fullAttempt(1)
    const place = { number, mesosTaskId: `${mesosTaskId}2`, agentId, hostname, agentUrl, executorId }
    const attempt: Attempt = { ...place, executorGeneration: 0, state: 'INTENT', launchedAt: at(1) }
    await updateTasks(db.pool, [{ task: fullTask(id), timerAt: at(7) }])
    await updateTasks(db.pool, [{ task: least, timerAt: undefined }])
    await upsertAttempts(db.pool, [{ taskId: id, attempt }])
    await upsertAttempts(db.pool, [
      { taskId: id, attempt: { ...fullAttempt(1), ...place, executorGeneration: 0 } },
    ])
    await upsertAttempts(db.pool, [{ taskId: id, attempt }])
    expect(await lockTasks(db.pool, [id])).to.deep.equal([least])
    expect(await selectView(db.pool, { tenant: 'default', id })).to.deep.equal({
      ...least,
      attempts: [attempt],
    })
  })
})
