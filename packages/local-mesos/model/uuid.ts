// UUIDs as the 16 bytes that Mesos carries: keys for maps, and the check that the agent makes (E15). Pure.

/** A map key for bytes; the empty string for none. */
export function uuidKey(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex')
}

/** The bytes of a textual UUID. */
export function uuidBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'))
}

/** What Mesos takes for a UUID (E15): 16 bytes whose version bits say 1 to 5; the variant is not looked at. */
export function isValidUuid(bytes: Uint8Array): boolean {
  const version = (bytes[6] ?? 0) >> 4
  return bytes.length === 16 && version >= 1 && version <= 5
}
