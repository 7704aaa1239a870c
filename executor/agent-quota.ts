// Whether the agent holds its containers to their disk. Asks its /flags once, before the first task; what can't be asked is
// unknown, and then taken for enforced: staying within what Mesos was asked for costs logs and old folders, not tasks.
import { OperatorClient } from 'mesos-http-client'
import { reasonOf } from './logger.ts'
import type { Logger } from './types.ts'

export type DiskQuota = 'enforced' | 'none' | 'unknown'

/** Isolators that heed --enforce_container_disk_quota (Mesos, src/slave/flags.cpp); posix/disk is disk/du's old name. */
const quotaIsolators = /(^|,)\s*(disk\/du|disk\/xfs|posix\/disk)\s*(,|$)/

/** What an agent's answer to /flags means. */
export function quotaOf(page: unknown): DiskQuota {
  const flags = fields(fields(page)?.['flags'])
  const { isolation, enforce_container_disk_quota: enforce } = flags ?? {}
  if (typeof isolation !== 'string' || typeof enforce !== 'string') return 'unknown'
  return enforce === 'true' && quotaIsolators.test(isolation) ? 'enforced' : 'none'
}

function fields(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined
}

/** Never fails, and never takes longer than `limitMs` to connect and as long again to answer. */
export async function askDiskQuota(o: {
  /** The agent's, such as `http://10.0.0.1:5051`. */
  readonly url: string
  readonly ca: string | undefined
  readonly limitMs: number
  readonly logger: Logger
}): Promise<DiskQuota> {
  const { url, ca, limitMs, logger } = o
  const agent = new OperatorClient({ url, ca, connectTimeoutMs: limitMs, callTimeoutMs: limitMs })
  try {
    return quotaOf(await agent.getJson('/flags'))
  } catch (error) {
    logger.warn('the agent does not tell whether it enforces disk quotas: taken as if it did', {
      reason: reasonOf(error),
    })
    return 'unknown'
  } finally {
    agent.close()
  }
}
