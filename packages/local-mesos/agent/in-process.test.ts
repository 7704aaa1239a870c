import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Offer, TaskInfo } from 'mesos-http-client'
import { LocalMesos } from '../local-mesos.ts'
import { scalar, taskInfo, TestScheduler } from '../testing/test-scheduler.ts'

function commandTask(offer: Offer, taskId: string, value: string, more: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: taskId,
    task_id: { value: taskId },
    agent_id: offer.agent_id,
    resources: [scalar('cpus', 0.1), scalar('mem', 32)],
    command: { value, shell: true },
    ...more,
  }
}

describe('executors inside the process', () => {
  let cluster: LocalMesos
  let scheduler: TestScheduler
  const begin = async (simulated: boolean): Promise<Offer> => {
    cluster = await LocalMesos.start({
      allocationIntervalMs: 20,
      executorReregistrationTimeoutMs: 200,
      simulated,
    })
    scheduler = await TestScheduler.subscribe(cluster.url)
    return scheduler.offer()
  }
  afterEach(async () => {
    scheduler.close()
    await cluster.close()
  })
  const states = (taskId: string): string[] => scheduler.updatesOf(taskId).map(status => status.state)

  describe('the command executor', () => {
    it('runs a command to its end', async () => {
      const offer = await begin(false)
      await scheduler.launch(offer, [
        commandTask(offer, 'good', 'exit 0'),
        commandTask(offer, 'bad', 'exit 3'),
      ])
      const finished = await scheduler.update('good', 'TASK_FINISHED')
      expect(finished.message).to.equal('Command exited with status 0')
      expect((await scheduler.update('bad', 'TASK_FAILED')).message).to.equal('Command exited with status 3')
      expect(states('good')).to.deep.equal(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'])
      await cluster.agents[0]?.waitUntil(agent => agent.executors.length === 0)
      expect(scheduler.events.map(event => event.type)).to.not.include('FAILURE')
    })

    it('kills with TERM first, and with KILL what ignores it', async () => {
      const offer = await begin(false)
      const stubborn = { kill_policy: { grace_period: { nanoseconds: 20_000_000 } } }
      await scheduler.launch(offer, [
        commandTask(offer, 'polite', 'exec sleep 1000'),
        commandTask(offer, 'stubborn', "trap '' TERM; : > trapped; while :; do sleep 0.01; done", stubborn),
      ])
      await scheduler.update('polite', 'TASK_RUNNING')
      await scheduler.update('stubborn', 'TASK_RUNNING')
      const sandbox = cluster.agents[0]?.executors.find(
        ({ executorId }) => executorId === 'stubborn',
      )?.directory
      while (!existsSync(join(sandbox ?? '', 'trapped'))) await pause(2)
      for (const value of ['polite', 'stubborn'])
        await scheduler.call({ type: 'KILL', kill: { task_id: { value } } })
      const killed = await scheduler.update('polite', 'TASK_KILLED')
      expect(killed.message).to.equal('Command terminated with signal Terminated')
      const forced = await scheduler.update('stubborn', 'TASK_KILLED')
      expect(forced.message).to.equal('Command terminated with signal Killed')
      expect(states('polite')).to.include('TASK_KILLING')
    })
  })

  describe('simulated tasks', () => {
    const labelled = (pairs: Record<string, string>): Partial<TaskInfo> => ({
      labels: { labels: Object.entries(pairs).map(([key, value]) => ({ key, value })) },
    })

    it('end as options and labels say, without any process', async () => {
      const offer = await begin(true)
      await scheduler.launch(offer, [
        taskInfo(offer, 'plain'),
        taskInfo(offer, 'failing', {
          more: labelled({ simulate_outcome: 'TASK_FAILED', simulate_duration_ms: '5' }),
        }),
        taskInfo(offer, 'endless', { more: labelled({ simulate_duration_ms: '-1' }) }),
      ])
      await scheduler.update('plain', 'TASK_FINISHED')
      await scheduler.update('failing', 'TASK_FAILED')
      await scheduler.update('endless', 'TASK_RUNNING')
      expect(cluster.agents[0]?.executors[0]?.pid).to.equal(undefined)
      await scheduler.call({ type: 'KILL', kill: { task_id: { value: 'endless' } } })
      await scheduler.update('endless', 'TASK_KILLED')
      expect(states('plain')).to.deep.equal(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'])
    })

    it('go on over a restart of the agent', async () => {
      const offer = await begin(true)
      await scheduler.launch(offer, [
        taskInfo(offer, 'endless', { more: labelled({ simulate_duration_ms: '-1' }) }),
      ])
      await scheduler.update('endless', 'TASK_RUNNING')
      await cluster.agents[0]?.restart()
      await cluster.agents[0]?.waitUntilRegistered()
      await scheduler.call({ type: 'KILL', kill: { task_id: { value: 'endless' } } })
      await scheduler.update('endless', 'TASK_KILLED')
      expect(states('endless')).to.not.include('TASK_GONE')
    })
  })
})
