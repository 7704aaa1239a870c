// Amounts of bytes as Mesos writes them. Pure.

const units = ['B', 'KB', 'MB', 'GB', 'TB']

/** With the largest unit that loses nothing: `96MB`, `98305KB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value > 0 && value % 1024 === 0 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1]
  return `${value}${units[unit]}`
}
