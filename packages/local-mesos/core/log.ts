// What the imitation tells about itself. The entries are data; whoever starts it decides where they go.

export interface LogEntry {
  readonly atMs: number
  /** `master` or `agent <hostname>`. */
  readonly from: string
  readonly message: string
  readonly [detail: string]: unknown
}

export type Log = (message: string, details?: Readonly<Record<string, unknown>>) => void

/** A logger that stamps entries. Without a sink only faults are told, those with an `error`, as warnings of the process. */
export function logger(sink: ((entry: LogEntry) => void) | undefined, from: string, now: () => number): Log {
  if (sink === undefined) {
    return (message, details) => {
      if (details?.['error'] === undefined) return
      process.emitWarning(`${from}: ${message}: ${errorText(details['error'])}`, 'LocalMesosWarning')
    }
  }
  return (message, details) => sink({ ...details, atMs: now(), from, message })
}

/** Text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
