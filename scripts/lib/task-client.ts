// The few calls of Juice's HTTP API that scripts and whole-system tests make, with the answers as JSON.

export interface AttemptJson {
  readonly number: number
  readonly mesosTaskId: string
  readonly agentId: string
  readonly hostname: string
  readonly state: string
  readonly reason?: string | null
  readonly blame?: string | null
  readonly exitCode?: number | null
  readonly signal?: number | null
  readonly oom?: boolean | null
  readonly sandbox?: string | null
}

export interface TaskJson {
  readonly id: number
  readonly state: string
  readonly name: string
  readonly attempt: number
  readonly message?: string | null
  readonly result?: unknown
  readonly exitCode?: number | null
  readonly attempts: readonly AttemptJson[]
}

export const terminal = new Set(['FINISHED', 'FAILED', 'KILLED', 'EXPIRED', 'ERROR'])

export async function submit(
  url: string,
  task: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<TaskJson> {
  const response = await fetch(`${url}/v2/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(task),
  })
  if (!response.ok) throw new Error(`POST /v2/tasks answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as TaskJson
}

export async function getTask(url: string, id: number): Promise<TaskJson> {
  const response = await fetch(`${url}/v2/tasks/${id}`)
  if (!response.ok)
    throw new Error(`GET /v2/tasks/${id} answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as TaskJson
}

/** Asks until `condition` holds; throws, naming the last record, after `timeoutMs`. */
export async function until(
  url: string,
  id: number,
  condition: (task: TaskJson) => boolean,
  timeoutMs = 60_000,
  signal?: AbortSignal,
): Promise<TaskJson> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const task = await getTask(url, id)
    if (condition(task)) return task
    if (performance.now() > deadline)
      throw new Error(`task ${id} is not there after ${timeoutMs} ms: ${JSON.stringify(task)}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

export interface Watcher {
  state(state: string, elapsedMs: number): void
  output(text: string): void
  readonly signal?: AbortSignal
}

/**
 * Tells each state and, as it comes, what the task writes to stdout: all of it between RUNNING and its end, although
 * states and output are asked for apart. Resolves with the record once the task has ended.
 */
export async function follow(url: string, id: number, watcher: Watcher): Promise<TaskJson> {
  const started = performance.now()
  const runs = Promise.withResolvers<void>()
  let seen: string | undefined
  let endedMs = 0
  const check = (task: TaskJson): boolean => {
    endedMs = performance.now() - started
    if (terminal.has(task.state)) runs.resolve()
    else if (task.state !== seen) {
      watcher.state((seen = task.state), endedMs)
      if (seen === 'RUNNING') runs.resolve()
    }
    return terminal.has(task.state)
  }
  const [task] = await Promise.all([
    until(url, id, check, 600_000, watcher.signal),
    followLog(
      url,
      id,
      async text => {
        await runs.promise
        watcher.output(text)
      },
      watcher.signal,
    ),
  ])
  watcher.state(task.state, endedMs)
  return task
}

/** Reads the followed log (server-sent events) to its end; throws on any answer but 200. */
export async function followLog(
  url: string,
  id: number,
  output: (text: string) => void | Promise<void>,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const response = await fetch(`${url}/v2/tasks/${id}/logs?stream=stdout&follow=true`, { signal })
  if (!response.ok || response.body === null)
    throw new Error(`logs of task ${id}: ${response.status} ${await response.text()}`)
  let buffered = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffered += chunk
    const events = buffered.split('\n\n')
    buffered = events.pop() ?? ''
    for (const event of events) {
      const lines = event.split('\n')
      if (lines.includes('event: end')) return
      const data = lines.filter(line => line.startsWith('data:')).map(line => line.slice(5).replace(/^ /, ''))
      if (data.length > 0) await output(data.join('\n'))
    }
  }
}
