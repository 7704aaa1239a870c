// First fit by tables: who is placed where, what is declined, and why somebody waits.
import { expect } from 'chai'
import { firstFit } from './first-fit.ts'
import { explain } from './reasons.ts'
import { executors, input, offer, policy, queue } from './test-support.ts'
import type { Plan, PlanInput } from './types.ts'

/** Task ids by agent. */
function placed(plan: Plan): Record<string, number[]> {
  return Object.fromEntries(
    plan.launches.map(({ agentId, tasks }) => [agentId, tasks.map(({ taskId }) => taskId)]),
  )
}

function reasons(plan: Plan): string[] {
  return [...plan.refusals.values()].map(({ noes }) => explain(noes))
}

describe('first fit', () => {
  it('places a task on the first agent and leaves the other offer unused', () => {
    const plan = firstFit(input({ queue: [queue([1])], offers: [offer({ agent: 'a2' }), offer()] }))
    expect(placed(plan)).to.deep.equal({ a1: [1] })
    expect(plan.unused).to.deep.equal(['a2-o1'])
    expect(plan.declines).to.deep.equal([])
    expect(plan.launches[0]?.tasks[0]?.pieces).to.deep.equal([
      { kind: 'scalar', offerId: 'a1-o1', index: 0, amountMillis: 1000 },
      { kind: 'scalar', offerId: 'a1-o1', index: 1, amountMillis: 512_000 },
    ])
    expect(plan.launches[0]?.executor).to.deep.equal([
      { kind: 'scalar', offerId: 'a1-o1', index: 0, amountMillis: 100 },
      { kind: 'scalar', offerId: 'a1-o1', index: 1, amountMillis: 64_000 },
    ])
  })

  it('prefers an agent whose executor runs, then one where it starts', () => {
    const offers = [offer({ agent: 'a1' }), offer({ agent: 'a2' }), offer({ agent: 'a3' })]
    const agents = executors({ a2: 'starting', a3: 'running' })
    const plan = firstFit(input({ queue: [queue([1, 2], { cpus: 3.5 })], offers, agents }))
    expect(placed(plan)).to.deep.equal({ a3: [1], a2: [2] })
    expect(plan.launches[0]?.executor).to.equal(undefined)
  })

  it('leaves room for the executor only where it does not surely run (S41, S43)', () => {
    const run = (executor: 'running' | 'starting' | 'absent'): Plan =>
      firstFit(
        input({
          queue: [queue([1], { cpus: 4 })],
          offers: [offer({ cpus: 4 })],
          agents: executors({ a1: executor }),
        }),
      )
    expect(placed(run('running'))).to.deep.equal({ a1: [1] })
    expect(run('starting').launches).to.deep.equal([])
    expect(reasons(run('absent'))).to.deep.equal(['1 agent: not enough cpus (largest free 3.9 of 4)'])
  })

  it('asks for disk for the executor where it needs some, and leaves room for that too', () => {
    const withDisk = { ...policy, executor: { ...policy.executor, diskMb: 300 } }
    const run = (diskMb: number): Plan =>
      firstFit(
        input({
          queue: [queue([1], { diskMb })],
          offers: [offer({ diskMb: 1000 })],
          policy: withDisk,
        }),
      )
    expect(run(700).launches[0]?.executor?.at(-1)).to.deep.equal({
      kind: 'scalar',
      offerId: 'a1-o1',
      index: 2,
      amountMillis: 300_000,
    })
    expect(reasons(run(701))).to.deep.equal(['1 agent: not enough disk (largest free 700 of 701 MB)'])
    const little = firstFit(
      input({ queue: [queue([1])], offers: [offer({ diskMb: 200 })], policy: withDisk }),
    )
    expect(reasons(little)).to.deep.equal([
      '1 agent: not enough disk for the executor that must run there first (largest free 200 of 256 MB, none with JUICE_EXECUTOR_DISK_MB=0)',
    ])
    const neither = input({
      queue: [queue([1], { diskMb: 250 })],
      offers: [offer({ diskMb: 200 })],
      policy: withDisk,
    })
    expect(reasons(firstFit(neither))).to.deep.equal([
      '1 agent: not enough disk (largest free 200 of 250 MB)',
    ])
  })

  it('takes no more than half of the disk of a small agent for the executor, and no less than it can live with', () => {
    const withDisk = { ...policy, executor: { ...policy.executor, diskMb: 1024 } }
    const diskOf = (diskMb: number): number | undefined => {
      const plan = firstFit(input({ queue: [queue([1])], offers: [offer({ diskMb })], policy: withDisk }))
      const piece = plan.launches[0]?.executor?.at(-1)
      return piece?.kind === 'scalar' && piece.index === 2 ? piece.amountMillis / 1000 : undefined
    }
    const cases = [20_000, 2048, 1001, 512, 300, 256, 255].map(diskMb => [diskMb, diskOf(diskMb)])
    expect(cases).to.deep.equal([
      [20_000, 1024],
      [2048, 1024],
      [1001, 500],
      [512, 256],
      [300, 256],
      [256, 256],
      [255, undefined],
    ])
  })

  it('prefers agents that keep something for us, among those that are as ready', () => {
    const offers = [
      offer({ agent: 'a1' }),
      offer({ agent: 'a2', reserved: true }),
      offer({ agent: 'a3', reserved: true }),
    ]
    const agents = executors({ a1: 'running' })
    const plan = firstFit(input({ queue: [queue([1, 2, 3], { cpus: 3 })], offers, agents }))
    expect(placed(plan)).to.deep.equal({ a1: [1], a2: [2], a3: [3] })
    const cold = firstFit(input({ queue: [queue([1], { cpus: 3 })], offers }))
    expect(placed(cold)).to.deep.equal({ a2: [1] })
  })

  it('goes by priority, then by age over all shapes', () => {
    const plan = firstFit(
      input({
        queue: [queue([1, 4], { cpus: 1 }), queue([2, 3], { cpus: 0.5 }), queue([9], { priority: 5 })],
        offers: [offer({ cpus: 3.1 })],
      }),
    )
    expect(placed(plan)).to.deep.equal({ a1: [9, 1, 2, 3] })
    expect(reasons(plan)).to.deep.equal(['1 agent: not enough cpus (largest free 0 of 1)'])
  })

  it('says for each agent why not, most frequent first; GPUs are left alone (S28)', () => {
    const offers = [
      offer({ agent: 'a1', memMb: 512 }),
      offer({ agent: 'a2', memMb: 576 }),
      offer({ agent: 'a3', memMb: 128 }),
      offer({ agent: 'a4', hostname: 'other' }),
      offer({ agent: 'a5', gpus: true }),
    ]
    const constraints = [{ field: 'hostname', operator: 'notIn' as const, values: ['other'] }]
    const plan = firstFit(input({ queue: [queue([1, 2], { memMb: 1024, constraints })], offers }))
    expect(reasons(plan)).to.deep.equal([
      '3 agents: not enough mem (largest free 512 of 1024 MB); 1 agent: constraint hostname notIn other (found: other); 1 agent: kept for tasks that need a GPU (only agents without GPUs are used)',
    ])
    expect([...plan.refusals.values()][0]?.waiting).to.equal(2)
    expect(plan.declines.map(({ refuseSeconds }) => refuseSeconds)).to.deep.equal([60, 60, 60, 60, 60])
  })

  it('says so where nothing was offered', () => {
    expect(reasons(firstFit(input({ queue: [queue([1])] })))).to.deep.equal([
      'no agent has offered resources yet',
    ])
  })

  const constraintCases: [string, Record<string, string[]>, 'in' | 'notIn', string[], boolean][] = [
    ['in, has it', { rack: ['r1'] }, 'in', ['r1', 'r2'], true],
    ['in, has another', { rack: ['r3'] }, 'in', ['r1', 'r2'], false],
    ['in, lacks it', {}, 'in', ['r1'], false],
    ['in, one of several', { rack: ['r3', 'r1'] }, 'in', ['r1'], true],
    ['notIn, has it', { rack: ['r1'] }, 'notIn', ['r1'], false],
    ['notIn, lacks it', {}, 'notIn', ['r1'], true],
  ]
  for (const [title, attributes, operator, values, fits] of constraintCases) {
    it(`attribute constraint: ${title}`, () => {
      const constraints = [{ field: 'rack', operator, values }]
      const plan = firstFit(input({ queue: [queue([1], { constraints })], offers: [offer({ attributes })] }))
      expect(plan.launches.length === 1).to.equal(fits)
    })
  }

  it('combines offers of one agent and gives each piece back where it came from (S40)', () => {
    const offers = [
      offer({ id: 'o1', cpus: 1, memMb: 600, ports: [[31000, 31000]] }),
      offer({ id: 'o2', cpus: 1, memMb: 600, ports: [[31005, 31006]], reserved: true }),
      offer({ id: 'o3', agent: 'a2', cpus: 1 }),
    ]
    const plan = firstFit(
      input({
        queue: [queue([1], { cpus: 1.5, memMb: 700, ports: 3 })],
        offers,
        agents: executors({ a1: 'running' }),
      }),
    )
    expect(plan.launches[0]?.offerIds).to.have.members(['o1', 'o2'])
    expect(plan.launches[0]?.tasks[0]).to.deep.equal({
      taskId: 1,
      ports: [31005, 31006, 31000],
      pieces: [
        { kind: 'scalar', offerId: 'o2', index: 0, amountMillis: 1000 },
        { kind: 'scalar', offerId: 'o1', index: 0, amountMillis: 500 },
        { kind: 'scalar', offerId: 'o2', index: 1, amountMillis: 600_000 },
        { kind: 'scalar', offerId: 'o1', index: 1, amountMillis: 100_000 },
        { kind: 'ports', offerId: 'o2', index: 3, ranges: [[31005, 31006]] },
        { kind: 'ports', offerId: 'o1', index: 3, ranges: [[31000, 31000]] },
      ],
    })
  })

  it('never combines offers of different roles', () => {
    const offers = [offer({ id: 'o1', cpus: 1 }), { ...offer({ id: 'o2', cpus: 1 }), role: 'other' }]
    expect(firstFit(input({ queue: [queue([1], { cpus: 1.5 })], offers })).launches).to.deep.equal([])
  })

  it('chooses ports: fixed ones exactly, the others lowest first, once each (S41)', () => {
    const offers = [
      offer({
        ports: [
          [80, 80],
          [31000, 31003],
        ],
      }),
    ]
    const plan = firstFit(
      input({ queue: [queue([1, 2, 3], { cpus: 0.5, hostPorts: [31001, 0, 31001] })], offers }),
    )
    expect(plan.launches[0]?.tasks[0]?.ports).to.deep.equal([80])
    expect(plan.launches[0]?.tasks[0]?.pieces.at(-1)).to.deep.equal({
      kind: 'ports',
      offerId: 'a1-o1',
      index: 3,
      ranges: [
        [80, 80],
        [31001, 31001],
      ],
    })
    expect(placed(plan)).to.deep.equal({ a1: [1] })
    expect(reasons(plan)).to.deep.equal(['1 agent: host port 31001 is not offered'])
    const many = firstFit(input({ queue: [queue([1], { ports: 11 })], offers: [offer()] }))
    expect(reasons(many)).to.deep.equal(['1 agent: not enough ports (largest free 10 of 11)'])
  })

  const nowMs = input({}).nowMs
  const maintenance: [string, number | undefined, { fromMs: number; untilMs?: number }, boolean][] = [
    ['begins after the task has ended', 10, { fromMs: nowMs + 20_000 }, true],
    ['begins while the task runs', 10, { fromMs: nowMs + 5000 }, false],
    ['is on', 10, { fromMs: nowMs - 5000, untilMs: nowMs + 5000 }, false],
    ['is over', 10, { fromMs: nowMs - 5000, untilMs: nowMs - 1000 }, true],
    ['is far away, no limit', undefined, { fromMs: nowMs + 4_000_000 }, true],
    ['is near, no limit', undefined, { fromMs: nowMs + 3_000_000 }, false],
  ]
  for (const [title, maxRuntimeSeconds, unavailable, fits] of maintenance) {
    it(`maintenance that ${title} (S44)`, () => {
      const limit = maxRuntimeSeconds === undefined ? {} : { maxRuntimeSeconds }
      const plan = firstFit(input({ queue: [queue([1], limit)], offers: [offer({ unavailable })] }))
      expect(plan.launches.length === 1).to.equal(fits)
      if (!fits)
        expect(reasons(plan)[0]).to.match(/^1 agent: (maintenance planned \(from|in maintenance \(since) /)
    })
  }

  it('starts executors on few cold agents at once and asks for the others again shortly', () => {
    const offers = [offer({ agent: 'a1' }), offer({ agent: 'a2' }), offer({ agent: 'a3' })]
    const plan = firstFit(
      input({ queue: [queue([1, 2, 3], { cpus: 3 })], offers, policy: { ...policy, coldAgents: 2 } }),
    )
    expect(placed(plan)).to.deep.equal({ a1: [1], a2: [2] })
    expect(plan.declines).to.deep.equal([{ offerId: 'a3-o1', refuseSeconds: 1 }])
    expect(reasons(plan)[0]).to.contain('1 agent: its turn to start the executor has not come')
  })

  it('avoids an agent whose executor failed, or that is drained, until its time is over', () => {
    const run = (untilMs: number, why: 'failed' | 'draining' = 'failed'): Plan =>
      firstFit(
        input({
          queue: [queue([1])],
          offers: [offer()],
          agents: new Map([['a1', { executors: new Map(), avoid: { untilMs, why } }]]),
        }),
      )
    expect(reasons(run(nowMs + 1000))[0]).to.contain('the executor failed there')
    expect(reasons(run(nowMs + 1000, 'draining'))[0]).to.contain('being drained by the operator')
    expect(placed(run(nowMs))).to.deep.equal({ a1: [1] })
  })

  it('keeps a launch below the size of a message, but sends one task whatever its size (ACCEPT ≤ 4 MB)', () => {
    const big: PlanInput['queue'] = [
      {
        ...queue([1, 2, 3], { cpus: 0.1 }),
        tasks: [1, 2, 3].map(taskId => ({ taskId, queuedAtMs: taskId, launchBytes: 60 })),
      },
    ]
    const run = (maxLaunchBytes: number): Plan =>
      firstFit(input({ queue: big, offers: [offer()], policy: { ...policy, maxLaunchBytes } }))
    expect(placed(run(130))).to.deep.equal({ a1: [1, 2] })
    expect(placed(run(50))).to.deep.equal({ a1: [1] })
  })

  it('stops at maxTasks and keeps the offers for the next plan', () => {
    const plan = firstFit(
      input({
        queue: [queue([1, 2, 3], { cpus: 0.1 })],
        offers: [offer(), offer({ agent: 'a2' })],
        policy: { ...policy, maxTasks: 2 },
      }),
    )
    expect(placed(plan)).to.deep.equal({ a1: [1, 2] })
    expect(plan).to.deep.include({ more: true, declines: [], unused: ['a2-o1'] })
    expect(plan.refusals.size).to.equal(0)
  })
})
