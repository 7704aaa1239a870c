// Mesos' text form of durations, as in `MESOS_RECOVERY_TIMEOUT=15mins`. Pure.

const units: readonly (readonly [string, number])[] = [
  ['weeks', 604_800_000],
  ['days', 86_400_000],
  ['hrs', 3_600_000],
  ['mins', 60_000],
  ['secs', 1000],
  ['ms', 1],
]

/** The largest unit that leaves a whole number: 900000 → `15mins`, 250 → `250ms`, 1500 → `1.5secs`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0ns'
  const whole = units.find(([, size]) => milliseconds >= size && milliseconds % size === 0)
  if (whole !== undefined && whole[0] !== 'ms') return `${milliseconds / whole[1]}${whole[0]}`
  if (milliseconds >= 1000) return `${milliseconds / 1000}secs`
  return `${milliseconds}ms`
}
