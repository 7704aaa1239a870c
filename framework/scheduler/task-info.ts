// One attempt as Mesos launches it: what people see goes into name and labels, the work itself into `data`. Pure.
import type { ExecutorInfo, Label, Resource, TaskInfo } from 'mesos-http-client'
import { taskPayload, type TaskPayload } from '../../proto/payload.ts'
import type { TaskSpec } from '../domain/spec.ts'

export interface AttemptToLaunch {
  readonly taskId: number
  readonly tenant: string
  readonly attempt: number
  readonly mesosTaskId: string
  readonly spec: TaskSpec
  readonly agentId: string
  readonly resources: readonly Resource[]
  readonly ports: readonly number[]
  readonly executor: ExecutorInfo
}

/** What the executor is told. Defaults of the executor's settings are left to it. */
function payloadOf(
  task: Pick<AttemptToLaunch, 'taskId' | 'tenant' | 'attempt' | 'spec' | 'ports'>,
): TaskPayload {
  const { spec } = task
  const { docker } = spec
  return {
    taskId: task.taskId,
    attempt: task.attempt,
    service: spec.name,
    tenant: task.tenant,
    args: [...spec.args],
    env: Object.entries(spec.env).map(([name, value]) => ({ name, value })),
    uris: [...spec.uris],
    cpuMillis: spec.resources.cpuMillis,
    memMb: spec.resources.memMb,
    diskMb: spec.resources.diskMb,
    ports: [...task.ports],
    killGraceMs: spec.killGraceSeconds * 1000,
    // Not TaskInfo.max_completion_time: that would count from the launch, pulling included, and the agent does not
    // enforce it anyway. The executor counts from the start of the container, as clients are promised.
    maxRuntimeMs: (spec.maxRuntimeSeconds ?? 0) * 1000,
    ...(spec.image === undefined ? {} : { image: spec.image }),
    ...(spec.command === undefined ? {} : { command: spec.command }),
    ...(docker === undefined
      ? {}
      : {
          docker: {
            network: docker.network,
            entrypoint: [...(docker.entrypoint ?? [])],
            forcePull: docker.forcePull,
            privileged: docker.privileged,
            volumes: [...docker.volumes],
            portMappings: [...docker.portMappings],
            parameters: [...docker.parameters],
            ...(docker.user === undefined ? {} : { user: docker.user }),
            ...(docker.workdir === undefined ? {} : { workdir: docker.workdir }),
          },
        }),
  }
}

export function taskInfo(task: AttemptToLaunch): TaskInfo {
  const { spec } = task
  return {
    name: spec.name,
    task_id: { value: task.mesosTaskId },
    agent_id: { value: task.agentId },
    resources: task.resources,
    executor: task.executor,
    data: taskPayload.encode(payloadOf(task)),
    kill_policy: { grace_period: { nanoseconds: spec.killGraceSeconds * 1_000_000_000 } },
    labels: { labels: labels(task) },
  }
}

/** Ours first; a task's own label of the same name stands beside it. */
function labels({ spec, tenant, taskId, attempt }: AttemptToLaunch): Label[] {
  return [
    { key: 'service', value: spec.name },
    { key: 'tenant', value: tenant },
    { key: 'task', value: String(taskId) },
    { key: 'attempt', value: String(attempt) },
    ...Object.entries(spec.labels).map(([key, value]) => ({ key, value })),
  ]
}

/** About how many bytes one attempt takes in an ACCEPT, its executor and resources included. */
export function launchBytes(spec: TaskSpec, executorBytes: number): number {
  const text = JSON.stringify(spec)
  // Labels stand twice; base64 in the JSON codec adds a third.
  return Math.ceil(Buffer.byteLength(text) * 1.4) + executorBytes + 2000
}
