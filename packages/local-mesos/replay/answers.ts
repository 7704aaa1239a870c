// Holds the status and the headers of an answer against the recorded ones.
import type { Mapping } from './mapping.ts'
import type { TraceResponse } from './trace.ts'

/** Throws at the first difference. `call` is what was asked, for that error. */
export function checkHead(
  mapping: Mapping,
  recorded: Pick<TraceResponse, 'status' | 'headers'>,
  live: { readonly status: number; readonly headers: Readonly<Record<string, string>> },
  call: unknown,
): void {
  if (live.status !== recorded.status) {
    throw new Error(`${JSON.stringify(call)} got ${live.status}, not ${recorded.status}`)
  }
  const headers = recorded.headers ?? {}
  const names = (of: object): string => Object.keys(of).sort().join()
  if (names(headers) !== names(live.headers)) {
    throw new Error(`headers ${names(live.headers)}, not ${names(headers)}`)
  }
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'Date' || name === 'Content-Length') continue
    const difference = mapping.match(value, live.headers[name], `.${name}`)
    if (difference !== undefined) throw new Error(`header differs: ${JSON.stringify(difference)}`)
  }
}
