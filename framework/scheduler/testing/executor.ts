// A stand-in for our executor, as a real process under a real agent: speaks the protocol, runs nothing. What a task does
// is its command: `finish`, `run` (until killed), `fail`, `silent`, `die <exit code>`, `storm <updates>`.
import { env, exit } from 'node:process'
import {
  ExecutorClient,
  executorEnvironment,
  newUuid,
  type ExecutorCallUpdate,
  type ExecutorEvent,
  type TaskInfo,
  type TaskStatus,
} from 'mesos-http-client'
import { taskOutcome, taskPayload, type TaskOutcome } from '../../../proto/payload.ts'

const environment = executorEnvironment(env)
const tasks = new Map<string, TaskInfo>()
const unacknowledged = new Map<string, ExecutorCallUpdate>()

const client = new ExecutorClient({
  endpoint: environment.agentEndpoint,
  frameworkId: environment.frameworkId,
  executorId: environment.executorId,
  codec: 'protobuf',
  checkpoint: environment.checkpoint,
  recoveryTimeoutMs: environment.recoveryTimeoutMs,
  subscriptionBackoffMaxMs: environment.subscriptionBackoffMaxMs,
  unacknowledged: () => ({ tasks: [...tasks.values()], updates: [...unacknowledged.values()] }),
  onEvent: event => handle(event),
  onPhase: phase => {
    if (phase.name === 'lost') exit(1)
  },
})

function update(taskId: string, state: TaskStatus['state'], outcome: TaskOutcome = {}): Promise<void> {
  const uuid = newUuid()
  const status: TaskStatus = {
    task_id: { value: taskId },
    executor_id: { value: environment.executorId },
    state,
    source: 'SOURCE_EXECUTOR',
    uuid,
    timestamp: Date.now() / 1000,
    data: taskOutcome.encode({ sandbox: environment.sandbox, ...outcome }),
  }
  unacknowledged.set(Buffer.from(uuid).toString('hex'), { status })
  return client.call({ type: 'UPDATE', update: { status } })
}

async function launch(task: TaskInfo): Promise<void> {
  const id = task.task_id.value
  if (tasks.has(id)) return
  tasks.set(id, task)
  const { command = 'finish' } = taskPayload.decode(task.data ?? new Uint8Array())
  const [what, argument] = command.split(' ')
  if (what === 'silent') return
  await update(id, 'TASK_STARTING')
  await update(id, 'TASK_RUNNING', { startedAtMs: Date.now() })
  if (what === 'die') exit(Number(argument))
  for (let sent = 0; what === 'storm' && sent < Number(argument); sent += 1) await update(id, 'TASK_RUNNING')
  if (what === 'fail') {
    await update(id, 'TASK_FAILED', { exitCode: 3, failure: 'FAILURE_EXIT', finishedAtMs: Date.now() })
  }
  if (what === 'finish' || what === 'storm') {
    await update(id, 'TASK_FINISHED', { exitCode: 0, finishedAtMs: Date.now() })
  }
}

function handle(event: ExecutorEvent): void {
  if (event.launch) void launch(event.launch.task)
  if (event.kill && tasks.has(event.kill.task_id.value)) void update(event.kill.task_id.value, 'TASK_KILLED')
  if (event.acknowledged) unacknowledged.delete(Buffer.from(event.acknowledged.uuid).toString('hex'))
  if (event.type === 'SHUTDOWN') exit(0)
}

client.start()
