// How the executor divides the disk that Mesos was asked for. An agent that enforces quotas measures the whole sandbox
// against the sum of the executor's and its running tasks' disk, and a limit hit there takes all (architecture, "Fate").
// So what no task has asked for must fit into the executor's own. Pure.
import type { Settings } from './types.ts'

const mib = 1024 * 1024
const streams = 2
/** For the executor's own output and what it makes in passing. */
const reserveBytes = 32 * mib
/** For its logs a task without disk of its own is lent this part of the room that the ones before it have left. */
const sharedLogShare = 16
/** A task with disk of its own gets this part of it for its logs, at most: they never end it. */
const logShare = 4
const smallestLogFileBytes = 16 * 1024

export interface LogSize {
  readonly fileBytes: number
  /** Rotated files beside the current one. */
  readonly filesKept: number
}

export interface DiskPlan {
  /** For folders of ended tasks, and of running ones without disk of their own where `isStrict`. */
  readonly roomBytes: number
  /** The agent enforces what was asked for: staying within it goes before keeping folders. */
  readonly isStrict: boolean
  /** Of each of a task's streams. @param lentBytes the room that logs of other tasks without disk may fill */
  logSize(diskMb: number, lentBytes: number): LogSize
}

/** What both streams of a task take at their fullest. */
export function logBytes({ fileBytes, filesKept }: LogSize): number {
  return streams * (filesKept + 1) * fileBytes
}

/**
 * @param o.diskMb asked of Mesos for the executor itself; 0: nothing was, so nothing is held to it
 * @param o.usedBytes in its sandbox before the first task: runtime and bundle
 */
export function planDisk(o: {
  readonly diskMb: number
  readonly usedBytes: number
  /** Whether the agent holds its containers to their disk, or may. */
  readonly isEnforced: boolean
  readonly settings: Pick<Settings, 'logFileBytes' | 'logFilesKept' | 'sandboxBudgetBytes'>
}): DiskPlan {
  const { diskMb, usedBytes, settings } = o
  const isStrict = o.isEnforced && diskMb > 0
  const ownBytes = Math.max(0, diskMb * mib - usedBytes - reserveBytes)
  const roomBytes = isStrict ? Math.min(ownBytes, settings.sandboxBudgetBytes) : settings.sandboxBudgetBytes
  const shared = (lentBytes: number): number =>
    isStrict ? Math.max(0, roomBytes - lentBytes) / sharedLogShare : Infinity
  return {
    roomBytes,
    isStrict,
    logSize: (taskDiskMb, lentBytes) =>
      logSize(taskDiskMb > 0 ? (taskDiskMb * mib) / logShare : shared(lentBytes), settings),
  }
}

/** As asked for, cut so that both streams with all their rotated files stay within `bytes`. */
function logSize(bytes: number, settings: Pick<Settings, 'logFileBytes' | 'logFilesKept'>): LogSize {
  const filesKept = settings.logFilesKept
  const fits = Math.floor(bytes / (streams * (filesKept + 1)))
  return { fileBytes: Math.min(settings.logFileBytes, Math.max(smallestLogFileBytes, fits)), filesKept }
}
