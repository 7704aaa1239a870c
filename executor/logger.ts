// The executor's own log: one JSON object a line, to its stderr in the Mesos sandbox. A logging library would cost
// several MB of memory on every agent (E46).
import type { LogFields, Logger } from './types.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** `write` takes a whole line. Fields that JSON can't hold are told as such; logging never throws. */
export function jsonLogger(write: (line: string) => void, minimum: LogLevel = 'info'): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(level) < logLevels.indexOf(minimum)) return
      const entry = { time: new Date().toISOString(), level, message, ...fields }
      let text: string
      try {
        text = JSON.stringify(entry, plain)
      } catch {
        text = JSON.stringify({ time: entry.time, level, message, fields: 'not serialisable' })
      }
      write(`${text}\n`)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, cause: value.cause }
  return typeof value === 'bigint' ? value.toString() : value
}

/** The sentence in whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
