// Content-Type and Accept as Mesos judges them (S1, S2), and the refusal of a body that is no such message, in its
// words. Pure.
import { codec, type Codec, type MessageName, type Messages } from 'mesos-http-client'
import { errorText } from '../core/log.ts'
import { text, type HttpReply, type HttpRequest } from './server.ts'

const types = 'application/json or application/x-protobuf'

/** The encoding of the body, or the answer to a request without a usable one. */
export function bodyCodec(request: HttpRequest): Codec | HttpReply {
  const type = request.headers['content-type']
  if (type === undefined) return text(400, "Expecting 'Content-Type' to be present")
  if (type === 'application/json') return codec('json')
  if (type === 'application/x-protobuf') return codec('protobuf')
  return text(415, `Expecting 'Content-Type' of ${types}`)
}

/** The encoding for the answer; JSON where anything will do. */
export function acceptCodec(request: HttpRequest): Codec | HttpReply {
  const accepted = (request.headers.accept ?? '*/*').split(',').map(range => range.split(';')[0]?.trim())
  if (accepted.some(range => range === '*/*' || range === 'application/*' || range === 'application/json')) {
    return codec('json')
  }
  if (accepted.includes('application/x-protobuf')) return codec('protobuf')
  return text(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
}

export function isReply(value: object): value is HttpReply {
  return 'status' in value
}

/** The message in a body, or the 400 that says why there is none. */
export function readMessage<K extends MessageName>(
  type: K,
  body: Buffer,
  encoding: Codec,
): { readonly message: Messages[K] } | HttpReply {
  if (encoding.name === 'protobuf') {
    try {
      return { message: encoding.decode(type, body) }
    } catch {
      return text(400, 'Failed to parse body into Call protobuf')
    }
  }
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    return text(400, 'Failed to parse body into JSON: syntax error at line 1 near: ')
  }
  const wrong = wrongValue(type, value)
  if (wrong !== undefined) return text(400, `Failed to convert JSON into Call protobuf: ${wrong}`)
  try {
    return { message: encoding.decode(type, body) }
  } catch (error) {
    return text(400, `Failed to convert JSON into Call protobuf: ${conversionError(errorText(error), value)}`)
  }
}

/** What the decoder lets pass and Mesos doesn't: no object, bytes that are not base64, an unknown enum but `type`. */
function wrongValue(type: MessageName, value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'Expecting a JSON object'
  if (type === 'executor.Call') {
    const missing = ['executor_id', 'framework_id'].filter(name => !(name in value))
    if (missing.length > 0) return `Missing required fields: ${missing.join(', ')}`
  }
  return wrongField(value)
}

function wrongField(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, field] of Object.entries(value)) {
    if ((name === 'uuid' || name === 'data') && typeof field === 'string') {
      const character = /[^A-Za-z0-9+/=\s]/.exec(field)?.[0]
      if (character !== undefined) {
        return `Failed to base64 decode bytes field '${name}': Invalid character '${character}'`
      }
    }
    if (name === 'state' && typeof field === 'string' && !taskStates.has(field)) {
      return `Failed to find enum for '${field}'`
    }
    const inner = wrongField(field)
    if (inner !== undefined) return inner
  }
  return undefined
}

const taskStates: ReadonlySet<string> = new Set([
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
])

/** From the decoder's words, `no scheduler.Call: kill.task_id is missing`, to Mesos'. */
function conversionError(message: string, value: unknown): string {
  const [path = '', ...rest] = message.replace(/^no [\w.]+: /, '').split(' ')
  if (rest.join(' ') === 'is missing') return `Missing required fields: ${path}`
  const steps = path.split(/\.|(?=\[)/).filter(step => step !== '')
  const found = steps.reduce<unknown>((inner, step) => fieldOf(inner, step.replace(/^\[|\]$/g, '')), value)
  return `Not expecting a JSON ${jsonType(found)} for field '${steps.findLast(step => !step.startsWith('['))}'`
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
