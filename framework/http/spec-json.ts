// A task's spec between its JSON and the domain: defaults are filled in here, once. Pure.
// What is answered can be submitted again and means the same.
import { terminalStates } from '../domain/task.ts'
import type { DockerSpec, Resources, RetryPolicy, TaskSpec, Uri } from '../domain/spec.ts'
import type { TaskRequest } from './schemas/task-request.ts'

/** A checked request with every default filled in. */
export function toSpec(request: TaskRequest): TaskSpec {
  const { image, command, callback } = request
  return {
    name: request.name,
    ...(image === undefined ? {} : { image, docker: toDocker(request.docker ?? {}) }),
    args: request.args ?? [],
    ...(command === undefined ? {} : { command }),
    env: request.env ?? {},
    resources: toResources(request.resources ?? {}),
    uris: (request.uris ?? []).map(toUri),
    constraints: request.constraints ?? [],
    priority: request.priority ?? 0,
    labels: request.labels ?? {},
    ...(callback === undefined ? {} : { callback: { url: callback.url, on: callback.on ?? terminalStates } }),
    ...defined('maxRuntimeSeconds', request.maxRuntimeSeconds),
    ...defined('maxQueueSeconds', request.maxQueueSeconds),
    killGraceSeconds: request.killGraceSeconds ?? 10,
    retry: toRetry(request.retry ?? {}),
  }
}

function toResources(resources: NonNullable<TaskRequest['resources']>): Resources {
  return {
    cpuMillis: Math.round((resources.cpus ?? 1) * 1000),
    memMb: resources.memMb ?? 512,
    diskMb: resources.diskMb ?? 0,
    ports: resources.ports ?? 0,
  }
}

function toDocker(docker: NonNullable<TaskRequest['docker']>): DockerSpec {
  return {
    network: docker.network ?? 'bridge',
    ...defined('entrypoint', docker.entrypoint),
    ...defined('user', docker.user),
    ...defined('workdir', docker.workdir),
    forcePull: docker.forcePull ?? false,
    privileged: docker.privileged ?? false,
    volumes: (docker.volumes ?? []).map(volume => ({ ...volume, readOnly: volume.readOnly ?? false })),
    portMappings: (docker.portMappings ?? []).map(mapping => ({
      containerPort: mapping.containerPort,
      hostPort: mapping.hostPort ?? 0,
      protocol: mapping.protocol ?? 'tcp',
    })),
    parameters: docker.parameters ?? [],
  }
}

function toUri(uri: NonNullable<TaskRequest['uris']>[number]): Uri {
  const executable = uri.executable ?? false
  return {
    value: uri.value,
    extract: uri.extract ?? !executable,
    executable,
    cache: uri.cache ?? false,
    ...defined('sha256', uri.sha256),
  }
}

function toRetry(retry: NonNullable<TaskRequest['retry']>): RetryPolicy {
  const backoffSeconds = retry.backoffSeconds ?? 1
  return {
    max: retry.max ?? 0,
    backoffSeconds,
    backoffFactor: retry.backoffFactor ?? 2,
    maxBackoffSeconds: retry.maxBackoffSeconds ?? Math.max(300, backoffSeconds),
  }
}

/** The spec as it is answered, with nothing left out that has a default. */
export function specJson(spec: TaskSpec): TaskRequest {
  const { cpuMillis, memMb, diskMb, ports } = spec.resources
  return {
    name: spec.name,
    ...defined('image', spec.image),
    ...(spec.command === undefined && spec.image !== undefined ? { args: [...spec.args] } : {}),
    ...defined('command', spec.command),
    env: { ...spec.env },
    resources: { cpus: cpuMillis / 1000, memMb, diskMb, gpus: 0, ports },
    ...(spec.docker === undefined ? {} : { docker: dockerJson(spec.docker) }),
    uris: spec.uris.map(uri => ({ ...uri })),
    constraints: spec.constraints.map(constraint => ({ ...constraint, values: [...constraint.values] })),
    priority: spec.priority,
    labels: { ...spec.labels },
    ...(spec.callback === undefined
      ? {}
      : { callback: { url: spec.callback.url, on: [...spec.callback.on] } }),
    ...defined('maxRuntimeSeconds', spec.maxRuntimeSeconds),
    ...defined('maxQueueSeconds', spec.maxQueueSeconds),
    killGraceSeconds: spec.killGraceSeconds,
    retry: { ...spec.retry },
  }
}

function dockerJson(docker: DockerSpec): NonNullable<TaskRequest['docker']> {
  const { entrypoint, ...rest } = docker
  return {
    ...rest,
    ...(entrypoint === undefined ? {} : { entrypoint: [...entrypoint] }),
    volumes: docker.volumes.map(volume => ({ ...volume })),
    portMappings: docker.portMappings.map(mapping => ({ ...mapping })),
    parameters: docker.parameters.map(parameter => ({ ...parameter })),
  }
}

function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V })
}
