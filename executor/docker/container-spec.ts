// What the engine is told to create for a task. Pure: the task in, the body of the call out.
import { containerSandbox, type TaskContext } from '../types.ts'
import type { CreateBody, HostConfig, Mount } from './create-body.ts'
import { fullName, parseImage } from './image-reference.ts'
import { applyParameter } from './parameters.ts'

const mib = 1024 * 1024
/** The engine refuses less. */
const smallestMemoryMb = 6
/** Against fork bombs: far above what honest tasks use, far below what a machine has. The parameter pids-limit overrides. */
const pidsLimit = 4096

export type ContainerInput = Pick<TaskContext, 'payload' | 'sandboxDir' | 'env' | 'ports' | 'labels'>

/** The name of a task's container: unique, and never one that Mesos would take for its own (E41). */
export function containerName(mesosTaskId: string): string {
  return `juice-${mesosTaskId}`
}

/** @throws ParameterError where a parameter isn't allowed or malformed (the edge lets none of those through). */
export function containerSpec(input: ContainerInput): CreateBody {
  const { payload, env, labels } = input
  const { docker = {} } = payload
  const image = parseImage(payload.image ?? '')
  const body: CreateBody = {
    Image: image ? fullName(image) : (payload.image ?? ''),
    ...command(input),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...labels },
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: hostConfig(input),
  }
  if (docker.user) body.User = docker.user
  if (docker.workdir) body.WorkingDir = docker.workdir
  for (const { key = '', value = '' } of docker.parameters ?? []) applyParameter(body, key, value)
  if (body.HostConfig.PortBindings !== undefined)
    body.ExposedPorts = Object.fromEntries(Object.keys(body.HostConfig.PortBindings).map(port => [port, {}]))
  return body
}

/** A shell line runs in the image's shell, past its entrypoint; arguments go to the entrypoint, the task's or the image's. */
function command({ payload }: ContainerInput): Pick<CreateBody, 'Entrypoint' | 'Cmd'> {
  const entrypoint = payload.docker?.entrypoint ?? []
  if (payload.command) {
    return entrypoint.length > 0
      ? { Entrypoint: [...entrypoint], Cmd: ['/bin/sh', '-c', payload.command] }
      : { Entrypoint: ['/bin/sh', '-c'], Cmd: [payload.command] }
  }
  return {
    ...(entrypoint.length > 0 ? { Entrypoint: [...entrypoint] } : {}),
    ...(payload.args?.length ? { Cmd: [...payload.args] } : {}),
  }
}

function hostConfig({ payload, sandboxDir, ports }: ContainerInput): HostConfig {
  const { docker = {} } = payload
  const network = docker.network || 'bridge'
  const memory = payload.memMb ? Math.max(payload.memMb, smallestMemoryMb) * mib : undefined
  return {
    NetworkMode: network,
    // A container in the host's network, or in none, has no ports to map.
    ...(network === 'host' || network === 'none'
      ? {}
      : portBindings(docker.portMappings ?? [], ports.mapped)),
    Mounts: [
      { Type: 'bind', Source: sandboxDir, Target: containerSandbox, ReadOnly: false },
      ...(docker.volumes ?? []).map(({ hostPath = '', containerPath = '', readOnly = false }): Mount => ({
        Type: 'bind',
        Source: hostPath,
        Target: containerPath,
        ReadOnly: readOnly,
      })),
    ],
    Privileged: docker.privileged ?? false,
    // A shell as the first process of a container reaps nothing and ignores TERM: every kill would take its whole grace.
    // What an image brings as its entrypoint stays the first process: some of them insist on it.
    Init: Boolean(payload.command),
    // The output is ours, by attaching before the start; a second copy on the agent's disk would only fill it.
    LogConfig: { Type: 'none' },
    RestartPolicy: { Name: 'no' },
    ...(payload.cpuMillis ? { CpuShares: Math.max(2, Math.floor((payload.cpuMillis * 1024) / 1000)) } : {}),
    ...(memory ? { Memory: memory, MemorySwap: memory } : {}),
    PidsLimit: pidsLimit,
  }
}

function portBindings(
  mappings: NonNullable<NonNullable<TaskContext['payload']['docker']>['portMappings']>,
  hostPorts: readonly number[],
): Pick<HostConfig, 'PortBindings'> {
  if (mappings.length === 0) return {}
  const bindings: NonNullable<HostConfig['PortBindings']> = {}
  for (const [index, { containerPort = 0, hostPort = 0, protocol }] of mappings.entries()) {
    const taken = String(hostPorts[index] ?? hostPort)
    ;(bindings[`${containerPort}/${protocol || 'tcp'}`] ??= []).push({ HostPort: taken })
  }
  return { PortBindings: bindings }
}
