// How much disk a task's folder takes. Looks only, and follows no link.
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './types.ts'

const unitBytes = 512

/**
 * Bytes on disk of everything below `dir`, what has several names once. Stops counting beyond `limitBytes`. Folders that
 * vanish or can't be read meanwhile count as empty.
 */
export async function folderBytes(dir: string, limitBytes = Infinity): Promise<number> {
  const seen = new Set<number>()
  const folders = [dir]
  let bytes = 0
  for (let folder = folders.pop(); folder !== undefined && bytes <= limitBytes; folder = folders.pop()) {
    const path = folder
    const entries = await opendir(path).catch(() => undefined)
    if (!entries) continue
    for await (const entry of entries) {
      const found = await lstat(join(path, entry.name)).catch(() => undefined)
      if (!found) continue
      if (found.isDirectory()) folders.push(join(path, entry.name))
      if (found.nlink > 1 && !found.isDirectory()) {
        if (seen.has(found.ino)) continue
        seen.add(found.ino)
      }
      bytes += found.blocks * unitBytes
    }
  }
  return bytes
}

/** A look costs what the folder has in files: never more than this share of the time. */
const lookShare = 20

/**
 * Looks at `dir` every `intervalMs`, less often where a look takes long; calls `onExceeded` once with the bytes found.
 * The returned function ends the watch.
 */
export function watchFolder(o: {
  readonly dir: string
  readonly limitBytes: number
  readonly intervalMs: number
  readonly clock: Clock
  onExceeded(bytes: number): void
}): () => void {
  let ended = false
  let cancel: () => void = () => undefined
  const look = async (): Promise<void> => {
    const beganMs = o.clock.monotonicMs()
    const bytes = await folderBytes(o.dir, o.limitBytes).catch(() => 0)
    if (ended) return
    if (bytes > o.limitBytes) o.onExceeded(bytes)
    else wait(Math.max(o.intervalMs, (o.clock.monotonicMs() - beganMs) * lookShare))
  }
  const wait = (delayMs: number): void => {
    cancel = o.clock.after(delayMs, () => void look())
  }
  wait(o.intervalMs)
  return () => {
    ended = true
    cancel()
  }
}
