// Looks into /proc: which processes descend from one. Linux only, as all of Juice.
import { readFile } from 'node:fs/promises'

/** Process ids of the living children of `pid`, themselves and what they started, nearest first. */
export async function descendants(pid: number): Promise<number[]> {
  const found: number[] = []
  const waiting = [pid]
  for (let parent = waiting.shift(); parent !== undefined; parent = waiting.shift()) {
    const text = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '')
    const children = text.split(' ').filter(Boolean).map(Number)
    found.push(...children)
    waiting.push(...children)
  }
  return found
}

/** The command line of a process, its words joined by a space; empty once it has ended. */
export async function commandLine(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return text.replaceAll('\0', ' ').trim()
}

/** Processor time that it has used itself, in seconds; 0 once it has ended. */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // After the program's name in parentheses: state is field 3, utime and stime are 14 and 15, in ticks of 10 ms.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** Resident memory in bytes; 0 once it has ended. */
export async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024
}
