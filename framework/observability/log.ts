// The log: one JSON object a line, or the pattern that task programs of this platform use too, so that one collector
// reads both. Writes to the stream it is given and knows nothing else.
import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  /** `pattern`: `[date] [APP_NAME] [INSTANCE] [TASK_ID] [LEVEL] [logger] message`. */
  readonly format: 'json' | 'pattern'
  readonly appName: string
  /** Which process: host and port. */
  readonly instance: string
  /** Takes whole lines; stdout if absent. */
  readonly destination?: DestinationStream
}

/** The root of a process's loggers; `partLogger` makes the others. */
export function createLogger(options: LogOptions): Logger {
  const destination = options.destination ?? pino.destination({ fd: 1, sync: true })
  const lines = options.format === 'json' ? destination : patternStream(destination)
  return pino(
    {
      level: options.level,
      base: { app: options.appName, instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    lines,
  )
}

/** A logger whose lines say which part of the framework speaks. */
export function partLogger(logger: Logger, part: string): Logger {
  return logger.child({ logger: part })
}

function patternStream(destination: DestinationStream): DestinationStream {
  return {
    write(line) {
      destination.write(toPattern(line))
    },
  }
}

/** One line of JSON in the pattern; fields that have no place in it follow the message as JSON. */
function toPattern(line: string): string {
  const { time, app, instance, taskId, level, logger, msg, err, ...rest } = JSON.parse(line) as LogLine
  const head = [time, app, instance, taskId, level?.toUpperCase(), logger]
    .map(part => `[${visible(String(part ?? '-'))}]`)
    .join(' ')
  const fields = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : ''
  const failure = err === undefined ? '' : `\n${indent(err.stack ?? err.message ?? JSON.stringify(err))}`
  return `${head} ${visible(msg ?? '')}${fields}${failure}\n`
}

interface LogLine {
  readonly time?: string
  readonly app?: string
  readonly instance?: string
  readonly taskId?: number
  readonly level?: string
  readonly logger?: string
  readonly msg?: string
  readonly err?: { readonly stack?: string; readonly message?: string }
  readonly [field: string]: unknown
}

// Nobody shall forge a line by a line break in a task's name or an error's text.
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, character =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[^\\]$/, '?'),
  )
}

function indent(text: string): string {
  return text
    .split('\n')
    .map(line => `    ${visible(line)}`)
    .join('\n')
}
