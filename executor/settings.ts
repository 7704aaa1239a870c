// ExecutorSettings with every default filled in. Pure.
import { executorSettings } from '../proto/payload.ts'
import type { Settings } from './types.ts'

const mib = 1024 * 1024

export const defaultSettings: Settings = {
  dockerHost: 'unix:///var/run/docker.sock',
  commandUser: 'nobody',
  logFileBytes: 16 * mib,
  logFilesKept: 4,
  sandboxRetentionMs: 24 * 3_600_000,
  sandboxBudgetBytes: 10 * 1024 * mib,
  idleTimeoutMs: 10 * 60_000,
}

/** From ExecutorInfo.data. Absent or unreadable data gives the defaults, and `problem` says that it was unreadable. */
export function readSettings(data: Uint8Array | undefined): {
  readonly settings: Settings
  readonly problem?: string
} {
  if (!data?.length) return { settings: defaultSettings }
  try {
    const given = executorSettings.decode(data)
    const known = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined && value !== ''),
    )
    // Zero bytes a file or no file at all would lose every log; the other zeros have a meaning.
    if (given.logFileBytes === 0) delete known['logFileBytes']
    return { settings: { ...defaultSettings, ...known } }
  } catch (error) {
    return { settings: defaultSettings, problem: `ExecutorInfo.data is unreadable: ${String(error)}` }
  }
}
