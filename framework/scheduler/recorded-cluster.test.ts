// The loop against what a real master sent while its operator took agents away: maintenance (trace 20), deactivated and
// drained agents (25).
import { expect } from 'chai'
import type { Offer, SchedulerEvent } from 'mesos-http-client'
import { recordedEvents } from './testing/recorded.ts'
import { eventually, pendingTask, taskSpec } from './testing/support.ts'
import { TermFixture, type Connection } from './testing/term-fixture.ts'

const role = 'web'

/** The events before this one, and the rest. */
function cut(
  events: readonly SchedulerEvent[],
  at: (event: SchedulerEvent) => boolean,
): [SchedulerEvent[], SchedulerEvent[]] {
  const index = events.findIndex(at)
  if (index < 0) throw new Error('not recorded')
  return [events.slice(0, index), events.slice(index)]
}

const offerIds = (mesos: Connection): string[] =>
  mesos
    .of('ACCEPT')
    .flatMap(({ accept }) => accept?.offer_ids ?? [])
    .map(({ value }) => value.replace(/.*-/, ''))

function offerOf(events: readonly SchedulerEvent[], ending: string): string {
  return ended(events, ({ id }) => id.value, ending)
}

function agentOf(events: readonly SchedulerEvent[], ending: string): string {
  return ended(events, ({ agent_id: id }) => id.value, ending)
}

/** The id in these offers that ends so: the rest of it is the recorded master's. */
function ended(events: readonly SchedulerEvent[], idOf: (offer: Offer) => string, ending: string): string {
  const ids = events.flatMap(({ offers }) => offers?.offers ?? []).map(idOf)
  const found = ids.find(id => id.endsWith(ending))
  if (found === undefined) throw new Error(`nothing recorded ends in ${ending}`)
  return found
}

describe('recorded cluster', () => {
  let at: TermFixture

  beforeEach(() => {
    at = new TermFixture([role])
  })

  afterEach(() => at.term.close())

  async function working(): Promise<Connection> {
    const mesos = await at.start()
    mesos.subscribe()
    await eventually(() => at.term.subscribed)
    return mesos
  }

  describe('maintenance (trace 20, S44)', () => {
    const events = recordedEvents('20-maintenance.json')
    const [before, scheduled] = cut(events, ({ type }) => type === 'RESCIND')
    const [offersAgain] = cut(scheduled, ({ type }) => type === 'INVERSE_OFFERS')
    /** The recorder launched its task on this one. */
    const usedUp = { type: 'RESCIND', rescind: { offer_id: { value: offerOf(before, '-O0') } } } as const
    /** Two minutes after the schedule, an hour but two minutes before the maintenance. */
    const nowMs = 1_795_329_515_000

    it('uses no offer of before the schedule, and keeps a task away that would run into it', async () => {
      at.now = () => nowMs
      at.pending = [pendingTask(1)]
      const mesos = await working()
      mesos.play([...before, usedUp, ...offersAgain])
      await mesos.until('ACCEPT')
      expect(offerIds(mesos)).to.deep.equal(['O4'])
      expect(at.committed.map(({ hostname }) => hostname)).to.deep.equal(['agent2.example'])
    })

    it('lets a task run there that ends before, and says to the others what would make them run', async () => {
      at.now = () => nowMs
      const only = [{ field: 'hostname', operator: 'in' as const, values: ['agent1.example'] }]
      at.pending = [
        pendingTask(1, { spec: taskSpec({ constraints: only, maxRuntimeSeconds: 600 }) }),
        pendingTask(2, { spec: taskSpec({ constraints: only }) }),
      ]
      const mesos = await working()
      mesos.play([...before, usedUp, ...offersAgain])
      await mesos.until('ACCEPT')
      expect(offerIds(mesos)).to.deep.equal(['O3'])
      await eventually(() => at.term.whyWaits(2)?.includes('maintenance') === true)
      expect(at.term.whyWaits(2)).to.equal(
        '1 agent: constraint hostname in agent1.example (found: agent2.example); ' +
          '1 agent: maintenance planned (from 2026-11-22T07:36:35.023Z until 2026-11-22T08:36:35.023Z, ' +
          'a maxRuntimeSeconds that ends before permits it)',
      )
    })

    it('does not let the agent go while a task runs there, and then does', async () => {
      const mesos = await working()
      const agentId = agentOf(events, '-S1')
      at.active = [{ taskId: 1, mesosTaskId: 'mt-1', agentId }]
      const [first, second] = events.filter(({ type }) => type === 'INVERSE_OFFERS')
      if (!first || !second) throw new Error('not recorded')
      mesos.play([first])
      await mesos.until('DECLINE_INVERSE_OFFERS')
      at.active = []
      mesos.play([second])
      await mesos.until('ACCEPT_INVERSE_OFFERS')
      const ids = (mesos.of('ACCEPT_INVERSE_OFFERS')[0]?.accept_inverse_offers?.inverse_offer_ids ?? []).map(
        ({ value }) => value.replace(/.*-/, ''),
      )
      expect(ids).to.deep.equal(['O6'])
    })

    it('uses nothing more of a machine that is down, and forgets what it said', async () => {
      at.now = () => nowMs
      const mesos = await working()
      at.pending = [
        pendingTask(1, {
          spec: taskSpec({ resources: { cpuMillis: 64_000, memMb: 64, diskMb: 0, ports: 0 } }),
        }),
      ]
      at.term.hint('pending')
      await mesos.until('REVIVE')
      mesos.play([...before, usedUp, ...offersAgain])
      await eventually(() => at.term.whyWaits(1)?.startsWith('1 agent: ') === true)
      mesos.play(scheduled)
      await eventually(() => at.term.whyWaits(1) === '1 agent: not enough cpus (largest free 7.9 of 64)')
      expect(at.heard.map(({ state }) => state)).to.include('TASK_LOST')
    })
  })

  describe('deactivated and drained agents (trace 25)', () => {
    const events = recordedEvents('25-agent-leaves-and-drain.json')

    it('launch nothing on offers that were taken back', async () => {
      const mesos = await working()
      const [untilDrained] = cut(events, ({ update }) => update?.status.state === 'TASK_KILLING')
      mesos.play(untilDrained)
      at.pending = [pendingTask(1)]
      at.term.hint('pending')
      await mesos.until('REVIVE')
      expect(offerIds(mesos)).to.deep.equal([])
    })

    it('are avoided for some seconds after the last word of the drain, and then used again', async () => {
      let nowMs = 1_795_329_640_000
      at.now = () => nowMs
      const mesos = await working()
      mesos.play(events.filter(({ type }) => type !== 'OFFERS'))
      await eventually(() =>
        at.heard.some(({ mesosTaskId, state }) => mesosTaskId === 'dr-1' && state === 'TASK_GONE'),
      )
      at.pending = [pendingTask(1)]
      at.term.hint('pending')
      await mesos.until('REVIVE')
      const last = events.findLast(({ type }) => type === 'OFFERS')
      if (!last) throw new Error('not recorded')
      mesos.play([last])
      await mesos.until('DECLINE')
      expect(at.term.whyWaits(1)).to.equal(
        '1 agent: being drained by the operator (next try at 2026-11-22T06:40:55.000Z)',
      )
      expect(mesos.of('DECLINE')[0]?.decline?.filters).to.deep.equal({ refuse_seconds: 1 })
      nowMs += 15_000
      mesos.play([last])
      await mesos.until('ACCEPT')
    })
  })
})
