// What can go wrong with the Docker engine, as errors that answer the questions their callers ask. Touches nothing.

export type DockerErrorKind =
  | 'not_found'
  | 'conflict'
  | 'bad_request'
  /** The engine answered that it failed itself (5xx), or answered nonsense. */
  | 'engine'
  /** No answer within the call's time box (E43). */
  | 'timeout'
  /** No connection, or it broke. */
  | 'unreachable'
  /** Registry credentials that can't be read or used. */
  | 'auth'
  /** The caller gave up. */
  | 'cancelled'

/** What was asked of the engine. */
export type DockerOperation = 'ping' | 'pull' | 'create' | 'attach' | 'start' | 'other'

/** Answers 5xx to create or start that are about what the task asked for all the same. */
const taskTrouble =
  /OCI runtime|unable to find (user|group)|matching entries in (passwd|group) file|gathering device information|storage-opt/i

/** And among those what the machine lacks. */
const machineTrouble =
  /no space left|cannot allocate memory|resource temporarily unavailable|too many open files|device or resource busy|input\/output error|i\/o timeout|read-only file system|context deadline exceeded|ttrpc|already in use|already allocated/i

export class DockerError extends Error {
  readonly kind: DockerErrorKind
  readonly operation: DockerOperation
  /** HTTP status of the engine's answer. */
  readonly status: number | undefined

  constructor(
    kind: DockerErrorKind,
    message: string,
    more: { operation?: DockerOperation | undefined; status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'DockerError'
    this.kind = kind
    this.operation = more.operation ?? 'other'
    this.status = more.status
  }

  /** The image can't be had: unknown, refused by its registry, or the registry can't be reached. */
  get imageFault(): boolean {
    if (this.kind === 'auth') return true
    return this.operation === 'pull' && this.kind !== 'unreachable' && this.kind !== 'cancelled'
  }

  /** The task asks for what the engine can't give: a bad parameter, a network or a command that isn't there. */
  get specFault(): boolean {
    if (this.operation !== 'create' && this.operation !== 'start') return false
    if (this.kind === 'engine') return taskTrouble.test(this.message) && !machineTrouble.test(this.message)
    return this.kind === 'bad_request' || this.kind === 'not_found' || this.kind === 'conflict'
  }

  /** Whether the engine may have carried it out all the same. */
  get outcomeUnknown(): boolean {
    return this.kind === 'timeout' || this.kind === 'unreachable'
  }

  static from(error: unknown): DockerError {
    if (error instanceof DockerError) return error
    const message = error instanceof Error ? error.message : String(error)
    return new DockerError('engine', message, { cause: error })
  }
}

/** Which kind an HTTP status of the engine is. */
export function kindOfStatus(status: number): DockerErrorKind {
  if (status === 404) return 'not_found'
  if (status === 409) return 'conflict'
  return status >= 400 && status < 500 ? 'bad_request' : 'engine'
}
