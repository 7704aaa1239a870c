// Counters of the master by Mesos' names; gauges are taken from the books when the page is asked for.

const terminal = ['finished', 'failed', 'killed', 'error', 'lost', 'dropped', 'gone', 'gone_by_operator']
const messages = [
  'decline_offers',
  'executor_to_framework',
  'exited_executor',
  'framework_to_executor',
  'kill_task',
  'launch_tasks',
  'reconcile_tasks',
  'register_slave',
  'reregister_slave',
  'revive_offers',
  'status_update',
  'status_update_acknowledgement',
  'suppress_offers',
  'unregister_framework',
  'unregister_slave',
]

export type MasterMetric = `tasks_${string}` | `messages_${string}` | `slave_${string}`

export class MasterMetrics {
  readonly #counts = new Map<string, number>()

  constructor() {
    for (const name of terminal) this.#counts.set(`tasks_${name}`, 0)
    for (const name of messages) this.#counts.set(`messages_${name}`, 0)
    for (const name of ['registrations', 'reregistrations', 'removals', 'unreachable_completed']) {
      this.#counts.set(`slave_${name}`, 0)
    }
  }

  count(name: MasterMetric): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].map(([name, value]) => [`master/${name}`, value]))
  }
}
