// JSON for our own files: bytes and bigints of messages survive it. Pure.

export function storedText(value: unknown): string {
  return JSON.stringify(value, replace)
}

/** What `storedText` was given; the caller knows its type. */
export function storedValue(text: string): unknown {
  return JSON.parse(text, revive)
}

function replace(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (typeof value === 'bigint') return { $int: String(value) }
  return value
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'))
  if ('$int' in value) return BigInt(String(value.$int))
  return value
}
