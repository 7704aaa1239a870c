// From the event stream to the acknowledgement: order, batches, bounds, and what each result leads to.
import { expect } from 'chai'
import type { SchedulerEventFailure, TaskStatus } from 'mesos-http-client'
import { taskOutcome } from '../../proto/payload.ts'
import type { StatusUpdate, UpdateResult } from '../usecases/index.ts'
import { Agents } from './agents.ts'
import { executorInfo } from './executor-info.ts'
import { statusUpdate } from './status.ts'
import { RecordedCalls } from './testing/support.ts'
import { UpdateHandler } from './update-handler.ts'
import { UpdateIntake } from './update-intake.ts'

const uuid = new Uint8Array(16).fill(7)

function status(id: string, more: Partial<TaskStatus> = {}): TaskStatus {
  return {
    task_id: { value: id },
    state: 'TASK_RUNNING',
    source: 'SOURCE_EXECUTOR',
    agent_id: { value: 'agent-1' },
    executor_id: { value: 'executor-1' },
    timestamp: 1_700_000_000.5,
    uuid,
    ...more,
  }
}

describe('status update', () => {
  it('translates every field, the outcome decoded', () => {
    const data = taskOutcome.encode({ exitCode: 3, sandbox: '/s' })
    expect(
      statusUpdate(
        status('t', { data, message: 'm', healthy: true, reason: 'REASON_COMMAND_EXECUTOR_FAILED' }),
        false,
      ),
    ).to.deep.equal({
      mesosTaskId: 't',
      state: 'TASK_RUNNING',
      isReconciliation: false,
      agentId: 'agent-1',
      source: 'SOURCE_EXECUTOR',
      reason: 'REASON_COMMAND_EXECUTOR_FAILED',
      message: 'm',
      healthy: true,
      uuid,
      timestampMs: 1_700_000_000_500,
      outcome: { exitCode: 3, sandbox: '/s' },
    })
  })

  it('leaves data out that is no outcome, and marks reconciliation answers', () => {
    const update = statusUpdate(
      {
        task_id: { value: 't' },
        state: 'TASK_GONE',
        reason: 'REASON_RECONCILIATION',
        data: new Uint8Array([255, 255]),
      },
      true,
    )
    expect(update).to.deep.equal({
      mesosTaskId: 't',
      state: 'TASK_GONE',
      reason: 'REASON_RECONCILIATION',
      isReconciliation: true,
      executorGone: true,
    })
  })
})

describe('update handler', () => {
  interface Fixture {
    readonly calls: RecordedCalls
    readonly handler: UpdateHandler
    readonly agents: Agents
    readonly stored: StatusUpdate[]
    readonly losses: { agentId: string; executorId: string; clean: boolean }[]
    readonly drained: string[]
    queued: number
  }

  function fixture(result: Partial<UpdateResult> = {}, commit: Promise<void> = Promise.resolve()): Fixture {
    const calls = new RecordedCalls()
    const agents = new Agents({
      roles: ['juice'],
      coldLimit: 1,
      makeExecutor: (generation, resources) =>
        executorInfo({
          template: { uris: [], settings: {}, source: '' },
          frameworkId: 'f',
          resources,
          generation,
        }),
    })
    const made: Fixture = {
      calls,
      agents,
      stored: [],
      losses: [],
      drained: [],
      queued: 0,
      handler: new UpdateHandler({
        calls,
        agents,
        now: () => 0,
        executorOf: () => undefined,
        onApplied: () => {},
        onQueued: () => (made.queued += 1),
        onAgentLost: () => {},
        onDrained: agentId => made.drained.push(agentId),
        onCallError: () => {},
        store: {
          applyStatusUpdates: async updates => {
            await commit
            made.stored.push(...updates)
            return updates.map(({ mesosTaskId }) => ({
              mesosTaskId,
              effect: 'applied',
              kill: false,
              ...result,
            }))
          },
          recordExecutorLoss: loss => {
            made.losses.push(loss)
            return Promise.resolve({ generation: 3, released: [] })
          },
        },
      }),
    }
    return made
  }

  it('acknowledges after the commit, only what has a uuid (S52, S53)', async () => {
    const commit = Promise.withResolvers<void>()
    const { calls, handler } = fixture({}, commit.promise)
    const { uuid: _, ...made } = status('by-master', { source: 'SOURCE_MASTER' })
    const applied = handler.applyUpdates([status('t1'), made, status('t2', { uuid: new Uint8Array() })])
    await Promise.resolve()
    expect(calls.calls).to.deep.equal([])
    commit.resolve()
    await applied
    expect(calls.calls).to.deep.equal([
      {
        type: 'ACKNOWLEDGE',
        acknowledge: { task_id: { value: 't1' }, agent_id: { value: 'agent-1' }, uuid },
      },
    ])
  })

  for (const effect of ['ignored', 'rejected'] as const) {
    it(`acknowledges what was ${effect} too (S54)`, async () => {
      const { calls, handler } = fixture({ effect })
      await handler.applyUpdates([status('t1')])
      expect(calls.of('ACKNOWLEDGE')).to.have.length(1)
    })
  }

  it('kills what is alive and not current (S51)', async () => {
    const { calls, handler } = fixture({ effect: 'ignored', kill: true })
    await handler.applyUpdates([status('old')])
    expect(calls.of('KILL')).to.deep.equal([
      { type: 'KILL', kill: { task_id: { value: 'old' }, agent_id: { value: 'agent-1' } } },
    ])
  })

  it('acknowledges nothing where the store fails', async () => {
    const { calls, handler } = fixture({}, Promise.reject(new Error('store')))
    const error = await handler.applyUpdates([status('t1')]).catch((e: unknown) => e)
    expect(error).to.be.instanceOf(Error)
    expect(calls.calls).to.deep.equal([])
  })

  it('learns from an update that the agent is drained, or that a launch never reached it', async () => {
    const { agents, handler, drained } = fixture()
    const { executor_id: id } = agents.executorFor('agent-1', 'juice', [], 0)
    agents.launched('agent-1', 'juice', 0)
    const state = () => agents.states(0).get('agent-1')
    const dropped = { state: 'TASK_DROPPED', reason: 'REASON_INVALID_OFFERS', executor_id: id } as const
    await handler.applyUpdates([status('t1', { ...dropped, source: 'SOURCE_AGENT' })])
    expect(state()?.executors.get('juice')).to.equal('starting')
    await handler.applyUpdates([status('t1', { ...dropped, source: 'SOURCE_MASTER' })])
    expect(state()).to.deep.equal({ executors: new Map([['juice', 'absent']]) })
    await handler.applyUpdates([status('t2', { state: 'TASK_KILLED', reason: 'REASON_AGENT_DRAINING' })])
    expect(state()?.avoid).to.deep.equal({ untilMs: 15_000, why: 'draining' })
    expect(drained).to.deep.equal(['agent-1'])
  })

  it('learns that an executor runs, that a task waits again, and of generations', async () => {
    const made = fixture({ taskState: 'QUEUED', executorGeneration: { agentId: 'agent-1', generation: 4 } })
    await made.handler.applyUpdates([status('t1'), status('t2')])
    expect(made.queued).to.equal(1)
    expect(made.agents.generation('agent-1')).to.equal(4)
  })

  const failures: [string, number | undefined, boolean][] = [
    ['its parent cleaned up', 768, true],
    ['it left in order', 0, true],
    ['its parent could not clean up', 1024, false],
    ['it was killed with its parent', 9, false],
    ['nobody knows how', undefined, false],
  ]
  for (const [title, exit, clean] of failures) {
    it(`records the loss of an executor: ${title} (S76)`, async () => {
      const { handler, losses, agents, stored } = fixture()
      const failure: SchedulerEventFailure = {
        agent_id: { value: 'agent-1' },
        executor_id: { value: 'executor-1' },
        ...(exit === undefined ? {} : { status: exit }),
      }
      await handler.applyFailure(failure)
      expect(losses).to.deep.equal([{ agentId: 'agent-1', executorId: 'executor-1', clean }])
      expect(agents.generation('agent-1')).to.equal(3)
      await handler.applyUpdates([
        status('t1', { state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED', source: 'SOURCE_AGENT' }),
        status('t2', { executor_id: { value: 'another' } }),
      ])
      expect(stored.map(update => update.executorGone ?? false)).to.deep.equal([clean, false])
    })
  }
})

describe('update intake', () => {
  /** An intake whose batches the test lets through one by one. */
  function gated(options: { limit?: number; limitBytes?: number; batch?: number } = {}): {
    intake: UpdateIntake
    next: () => Promise<{ what: string; end: (error?: Error) => void }>
    log: string[]
  } {
    const log: string[] = []
    const queue: { what: string; end: (error?: Error) => void }[] = []
    const waiting: ((step: { what: string; end: (error?: Error) => void }) => void)[] = []
    const gate = (what: string): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const step = { what, end: (error?: Error) => (error ? reject(error) : resolve()) }
      const first = waiting.shift()
      if (first) first(step)
      else queue.push(step)
      return promise
    }
    const intake = new UpdateIntake({
      applyUpdates: statuses => gate(statuses.map(s => s.task_id.value).join(' ')),
      applyFailure: failure => gate(`failure ${failure.executor_id?.value}`),
      pause: () => log.push('pause'),
      resume: () => log.push('resume'),
      onError: () => log.push('error'),
      ...options,
    })
    return {
      intake,
      log,
      next: async () => queue.shift() ?? (await new Promise(resolve => waiting.push(resolve))),
    }
  }

  it('keeps the order, a FAILURE between the updates around it, in batches', async () => {
    const { intake, next } = gated({ batch: 2 })
    for (const id of ['a', 'b', 'c']) intake.update(status(id))
    intake.failure({ executor_id: { value: 'x' } })
    intake.update(status('d'))
    const seen: string[] = []
    for (let at = 0; at < 4; at += 1) {
      const step = await next()
      seen.push(step.what)
      step.end()
    }
    await intake.close()
    expect(seen).to.deep.equal(['a b', 'c', 'failure x', 'd'])
  })

  it('stops reading the stream when full, and reads on at half (S19)', async () => {
    const { intake, next, log } = gated({ limit: 4, batch: 1 })
    for (const id of ['a', 'b', 'c']) intake.update(status(id))
    expect(log).to.deep.equal([])
    intake.update(status('d'))
    expect([intake.depth, ...log]).to.deep.equal([4, 'pause'])
    ;(await next()).end()
    const second = await next()
    expect(log).to.deep.equal(['pause'])
    second.end()
    const third = await next()
    expect([intake.depth, ...log]).to.deep.equal([2, 'pause', 'resume'])
    third.end()
    ;(await next()).end()
    await intake.close()
  })

  it('is full also of few updates that bring much (S19)', async () => {
    const { intake, next, log } = gated({ limitBytes: 300, batch: 1 })
    for (const id of ['a', 'b']) intake.update(status(id, { data: new Uint8Array(120) }))
    expect(log).to.deep.equal([])
    intake.update(status('c', { data: new Uint8Array(60) }))
    expect(log).to.deep.equal(['pause'])
    ;(await next()).end()
    const second = await next()
    expect(log).to.deep.equal(['pause'])
    second.end()
    ;(await next()).end()
    await intake.close()
    expect(log).to.deep.equal(['pause', 'resume'])
  })

  it('tries the same again where the store did not answer', async () => {
    const { intake, next, log } = gated()
    intake.update(status('a'))
    ;(await next()).end(new Error('store'))
    const again = await next()
    expect([again.what, ...log]).to.deep.equal(['a', 'error'])
    again.end()
    await intake.close()
  })
})
