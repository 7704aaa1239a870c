// A task's result.json as a value that says the same again when it is written: numbers beyond a double's precision stay as
// they were typed. Pure.

const maxDepth = 100
const maxChars = 64 * 1024

interface RawJson {
  /** Present in V8, not yet in TypeScript's library. */
  rawJSON(text: string): unknown
}

/**
 * Parses what a task wrote. Refused with a reason: no JSON, too long, or nested so deeply that whoever prints it (or the
 * database) would run out of stack.
 */
export function parseResult(text: string): { readonly value: unknown } | { readonly error: string } {
  if (text.length > maxChars) return { error: `result.json is longer than ${maxChars / 1024} KB` }
  if (depth(text) > maxDepth) return { error: `result.json is nested deeper than ${maxDepth}` }
  try {
    return { value: parseFaithfully(text) }
  } catch {
    return { error: 'result.json is not JSON' }
  }
}

/** Throws SyntaxError. `JSON.stringify` of the value gives each number digit by digit as it came. */
export function parseFaithfully(text: string): unknown {
  const raw = JSON as JSON & RawJson
  return JSON.parse(text, (...args: unknown[]) => {
    const [, value, context] = args
    if (typeof value !== 'number' || !hasSource(context) || String(value) === context.source) return value
    return raw.rawJSON(context.source)
  })
}

function hasSource(context: unknown): context is { readonly source: string } {
  return (
    typeof context === 'object' &&
    context !== null &&
    'source' in context &&
    typeof context.source === 'string'
  )
}

/** The deepest nesting of brackets outside strings; right for valid JSON, at least the real one for other text. */
function depth(text: string): number {
  let open = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++open)
    else if (char === ']' || char === '}') open--
  }
  return deepest
}
