// Which texts Mesos takes as ids (S46). Pure.

/** Why an id of a task, executor or framework is refused, in Mesos' words; undefined when it is fine. */
export function idError(id: string): string | undefined {
  if (id === '') return 'ID must not be empty'
  if (Buffer.byteLength(id) > 255) return 'ID must not be greater than 255 characters'
  if (id === '.' || id === '..') return `'${id}' is disallowed`
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f/\\]/.test(id)) return `'${id}' contains invalid characters`
  return undefined
}
