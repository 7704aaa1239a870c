// Update ids as agents want them (E15).
import { randomUUID } from 'node:crypto'

/** The 16 raw bytes of a new RFC 4122 UUID: any others are refused, for their version and variant bits. */
export function newUuid(): Uint8Array {
  return Uint8Array.from(Buffer.from(randomUUID().replaceAll('-', ''), 'hex'))
}
