// Every number that a framework process shows at /metrics, as one typed object that parts are given; they only count.
// The registry is this process's own: nothing is registered globally.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  /** Live tasks now, by state. */
  readonly tasks: Gauge<'state'>
  readonly tasksSubmitted: Counter
  readonly tasksEnded: Counter<'state'>
  /** Seconds from the submission to the first RUNNING. */
  readonly submitToRunning: Histogram
  readonly offersReceived: Counter
  readonly offersDeclined: Counter
  readonly offersHeld: Gauge
  readonly launches: Counter
  readonly launchBatch: Histogram
  /** By Mesos' state, as they arrived. */
  readonly statusUpdates: Counter<'state'>
  /** Events read from Mesos and not yet committed (S19). */
  readonly updateBufferDepth: Gauge
  /** Attempts that ended by Mesos' fault or ours, by reason (S59). */
  readonly faults: Counter<'reason'>
  readonly subscriptions: Counter
  /** 1 while this process leads. */
  readonly leader: Gauge
  /** delivered, retried, refused or dead. */
  readonly callbacks: Counter<'outcome'>
  readonly callbackDuration: Histogram
  readonly httpDuration: Histogram<'method' | 'route' | 'status'>
}

export interface MetricsOptions {
  /** Also the process's own: memory, event loop, garbage collection. */
  readonly ofProcess: boolean
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (options.ofProcess) collectDefaultMetrics({ register: registry })
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers })
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  return {
    registry,
    tasks: new Gauge({
      name: 'juice_tasks',
      help: 'Live tasks by state, as the leader knows them',
      labelNames: ['state'],
      registers,
    }),
    tasksSubmitted: counter('juice_tasks_submitted_total', 'Tasks accepted by this process'),
    tasksEnded: new Counter({
      name: 'juice_tasks_ended_total',
      help: 'Tasks that reached a terminal state',
      labelNames: ['state'],
      registers,
    }),
    submitToRunning: new Histogram({
      name: 'juice_task_submit_to_running_seconds',
      help: 'From the submission to the first RUNNING',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400],
      registers,
    }),
    offersReceived: counter('juice_offers_received_total', 'Offers from the Mesos master'),
    offersDeclined: counter('juice_offers_declined_total', 'Offers declined'),
    offersHeld: gauge('juice_offers_held', 'Offers held now'),
    launches: counter('juice_launches_total', 'Attempts sent to Mesos'),
    launchBatch: new Histogram({
      name: 'juice_launch_batch_tasks',
      help: 'Attempts committed by one transaction',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    }),
    statusUpdates: new Counter({
      name: 'juice_status_updates_total',
      help: "Status updates by Mesos' state",
      labelNames: ['state'],
      registers,
    }),
    updateBufferDepth: gauge('juice_update_buffer_depth', 'Events from Mesos that wait to be committed'),
    faults: new Counter({
      name: 'juice_attempt_faults_total',
      help: "Attempts that ended by Mesos' fault or Juice's, by reason",
      labelNames: ['reason'],
      registers,
    }),
    subscriptions: counter('juice_mesos_subscriptions_total', 'Subscriptions to the Mesos master'),
    leader: gauge('juice_leader', '1 while this process is the leader'),
    callbacks: new Counter({
      name: 'juice_callbacks_total',
      help: 'Callback tries by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    callbackDuration: new Histogram({
      name: 'juice_callback_duration_seconds',
      help: 'Duration of one callback try',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    }),
    httpDuration: new Histogram({
      name: 'juice_http_request_duration_seconds',
      help: 'Duration of HTTP requests by route',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    }),
  }
}
