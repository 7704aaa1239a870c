// How benchmarks show figures: medians with their spread, and ratios within one run, since machines are noisy.

export interface Row {
  readonly what: string
  readonly figure: string
  readonly goal?: string
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

/** `median (min–max)`, in milliseconds. */
export function spreadMs(values: readonly number[]): string {
  return `${median(values).toFixed(1)} ms (${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)}, n ${values.length})`
}

export function printTable(title: string, rows: readonly Row[]): void {
  const width = Math.max(...rows.map(row => row.what.length))
  process.stdout.write(`\n${title}\n`)
  for (const { what, figure, goal } of rows)
    process.stdout.write(
      `  ${what.padEnd(width)}  ${figure}${goal === undefined ? '' : `   (goal ${goal})`}\n`,
    )
}
