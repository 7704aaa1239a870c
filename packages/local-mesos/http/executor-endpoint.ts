// POST /api/v1/executor: checks a call exactly as an agent does, then hands it to the agent (E8 to E16).
import type { ServerResponse } from 'node:http'
import type { ExecutorCall } from 'mesos-http-client'
import type { Agent } from '../agent/agent.ts'
import type { Clock } from '../core/clock.ts'
import { isValidUuid } from '../model/uuid.ts'
import { EventStream } from './event-stream.ts'
import { claimsError, type ExecutorTokens } from './executor-token.ts'
import { executorEventWithDefaults } from './json-defaults.ts'
import { acceptCodec, bodyCodec, isReply, readMessage } from './negotiate.ts'
import { text, wrongMethod, type HttpReply, type HttpRequest } from './server.ts'

export interface ExecutorEndpointOptions {
  readonly agent: Agent
  readonly clock: Clock
  /** What executors must show; absent where nobody is asked. */
  readonly tokens: ExecutorTokens | undefined
}

/** E13. */
const heartbeatMs = 30 * 60_000

function callError(call: ExecutorCall): string | undefined {
  switch (call.type) {
    case 'SUBSCRIBE':
      return call.subscribe === undefined ? "Expecting 'subscribe' to be present" : undefined
    case 'MESSAGE':
      return call.message === undefined ? "Expecting 'message' to be present" : undefined
    case 'UPDATE':
      return updateError(call)
    case 'HEARTBEAT':
    case 'UNKNOWN':
      return undefined
    default:
      return "Expecting 'type' to be present"
  }
}

function updateError(call: ExecutorCall): string | undefined {
  const status = call.update?.status
  if (status === undefined) return "Expecting 'update' to be present"
  if (status.uuid === undefined) return "Expecting 'uuid' to be present"
  if (!isValidUuid(status.uuid)) return 'Not a valid UUID'
  const executorId = call.executor_id.value
  const who = `executor ${executorId} of framework ${call.framework_id.value}`
  if (status.executor_id !== undefined && status.executor_id.value !== executorId) {
    return `ExecutorID in Call: ${executorId} does not match ExecutorID in TaskStatus: ${status.executor_id.value}`
  }
  if (status.source !== 'SOURCE_EXECUTOR') {
    return `Received Call from ${who} with invalid source, expecting 'SOURCE_EXECUTOR'`
  }
  if (status.state === 'TASK_STAGING') return `Received TASK_STAGING from ${who} which is not allowed`
  return undefined
}

export function handleExecutor(
  request: HttpRequest,
  response: ServerResponse,
  o: ExecutorEndpointOptions,
): HttpReply | undefined {
  const { agent, clock, tokens } = o
  const shown = tokens?.authenticate(request)
  if (shown !== undefined && isReply(shown)) return shown
  if (request.method !== 'POST') return wrongMethod(request.method, ['POST'])
  const encoding = bodyCodec(request)
  if (isReply(encoding)) return encoding
  const read = readMessage('executor.Call', request.body, encoding)
  if (isReply(read)) return read
  const call = read.message
  const wrong = callError(call)
  if (wrong !== undefined) return text(400, `Failed to validate Executor::Call: ${wrong}`)
  // While an agent recovers, executors may come back but not speak yet (E10).
  if (agent.phase === 'recovering' && call.type !== 'SUBSCRIBE') {
    return text(503, 'Agent has not finished recovery')
  }
  const accepted = acceptCodec(request)
  if (call.type === 'SUBSCRIBE' && isReply(accepted)) return accepted
  const framework = agent.framework(call.framework_id.value)
  if (framework === undefined) return text(400, 'Framework cannot be found')
  const executor = framework.executors.get(call.executor_id.value)
  if (executor === undefined) return text(400, 'Executor cannot be found')
  const own = { fid: framework.id, eid: executor.id, cid: executor.containerId }
  const foreign = shown === undefined ? undefined : claimsError(shown.claims, own)
  if (foreign !== undefined) return text(403, foreign)
  if (call.type === 'SUBSCRIBE' && call.subscribe !== undefined && !isReply(accepted)) {
    const stream = new EventStream({
      response,
      codec: accepted,
      type: 'executor.Event',
      ...(accepted.name === 'json' && { adapt: executorEventWithDefaults }),
      onEnd: () => agent.streamEnded(executor, stream),
    })
    agent.subscribe(framework, executor, call.subscribe, stream)
    stream.beat(clock, heartbeatMs, { type: 'HEARTBEAT' })
    return undefined
  }
  if (executor.phase.name === 'registering') return text(403, 'Executor is not subscribed')
  agent.mailbox.post(() => agent.executorCall(framework, executor, call))
  return { status: 202 }
}
