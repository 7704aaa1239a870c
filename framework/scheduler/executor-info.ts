// The executor as Mesos is told of it. Mesos compares the whole message, so its id is made from the whole message (S47). Pure.
import { createHash } from 'node:crypto'
import { codec, type ExecutorInfo, type Resource } from 'mesos-http-client'
import { executorSettings, type ExecutorSettings } from '../../proto/payload.ts'

export interface ExecutorTemplate {
  /** URLs of the archives, each ending in its content's hash and `.tar.gz`: the agent's fetcher extracts and caches them. */
  readonly uris: readonly string[]
  /** The unix user of the executor; absent: the framework's. */
  readonly user?: string
  readonly settings: ExecutorSettings
  /** What is shown as its source in Mesos. */
  readonly source: string
}

const hour = 3_600_000
/** How long the agent waits after SHUTDOWN before it kills: room for the tasks' own grace. */
export const shutdownGraceMs = 60_000
/** A fresh executor at least once a day: leaks and odd states end by themselves. */
export const maxExecutorAgeMs = 24 * hour

const binary = codec('protobuf')

/** Complete but for the id. */
function withoutId(
  template: ExecutorTemplate,
  frameworkId: string,
  resources: readonly Resource[],
): Omit<ExecutorInfo, 'executor_id'> {
  return {
    type: 'CUSTOM',
    framework_id: { value: frameworkId },
    name: 'juice-executor',
    source: template.source,
    command: {
      shell: true,
      value: 'exec sh ./juice-executor',
      uris: template.uris.map(value => ({ value, extract: true, cache: true, executable: false })),
      ...(template.user === undefined ? {} : { user: template.user }),
    },
    resources,
    shutdown_grace_period: { nanoseconds: shutdownGraceMs * 1_000_000 },
    data: executorSettings.encode(template.settings),
  }
}

/**
 * The executor of one agent. Its id is a hash over all that is sent plus the agent's generation, so that another
 * version, configuration or shape of resources is another executor beside the old one.
 */
export function executorInfo(args: {
  template: ExecutorTemplate
  frameworkId: string
  resources: readonly Resource[]
  generation: number
}): ExecutorInfo {
  const info = withoutId(args.template, args.frameworkId, args.resources)
  const bytes = binary.encode('ExecutorInfo', { executor_id: { value: '' }, ...info })
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  return { executor_id: { value: `juice-${hash}-${args.generation}` }, ...info }
}
