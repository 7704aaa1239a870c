// Reads of /proc: which processes there are, their environment, their memory. Reads only, and synchronously: a few
// hundred small reads cost less in one go than through the thread pool.
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessInfo {
  readonly pid: number
  readonly ppid: number
  readonly pgrp: number
  readonly session: number
  /** With the pid, unique on a machine until it boots again. */
  readonly startTicks: number
}

/** All processes but zombies. */
export function listProcesses(): ProcessInfo[] {
  const found: ProcessInfo[] = []
  for (const name of readdirSync('/proc')) {
    const info = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined
    if (info) found.push(info)
  }
  return found
}

/** Undefined for a process that is gone or a zombie. */
export function readProcess(pid: number): ProcessInfo | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  // The command's name is in brackets and may hold anything, brackets too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined
  const number = (index: number): number => Number(fields[index])
  return { pid, ppid: number(1), pgrp: number(2), session: number(3), startTicks: number(19) }
}

/** Of its first thread; none where the kernel doesn't tell (CONFIG_PROC_CHILDREN). */
export function readChildren(pid: number): number[] {
  const text = readText(`/proc/${pid}/task/${pid}/children`)
  return text ? text.trim().split(' ').map(Number) : []
}

/** Values of the named variables as the process was started with; all undefined where that can't be read. */
export function readVariables(pid: number, names: readonly string[]): (string | undefined)[] {
  const text = readText(`/proc/${pid}/environ`) ?? ''
  const entries = text.split('\0')
  return names.map(name => entries.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1))
}

/** Resident memory, shared pages included; 0 for a process that is gone. */
export function residentBytes(pid: number, pageBytes: number): number {
  return Number(readText(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * pageBytes
}

/** Resident memory with shared pages divided among those who share them; undefined where the kernel doesn't tell. */
export function proportionalBytes(pid: number): number | undefined {
  const kib = /^Pss:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/smaps_rollup`) ?? '')?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

/** Bytes of a memory page: 4096 on x86-64, often more on arm64. From the auxiliary vector (AT_PAGESZ is 6). */
export function pageBytes(): number {
  try {
    const vector = readFileSync('/proc/self/auxv')
    for (let offset = 0; offset + 16 <= vector.length; offset += 16)
      if (vector.readBigUInt64LE(offset) === 6n) return Number(vector.readBigUInt64LE(offset + 8))
  } catch {
    // No such file: the usual size it is.
  }
  return 4096
}

/** Sends a signal; false for a process (group: negative pid) that is gone or not ours. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
