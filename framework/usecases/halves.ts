// A batch that the database refuses for its data is halved until the culprit stands alone.

/** SQLSTATE classes that blame the data: repeating the same statement gives the same error. */
const dataErrors = /^(22|23|54)/

/** Two transactions got in each other's way: repeating may well succeed. */
const collisions = new Set(['40001', '40P01'])

const maxCollisions = 3

/**
 * `run` writes all items or none. Where it throws for its data, it is tried on both halves, first half first; an item that
 * fails alone goes to `culprit`. Results come in the order of items. Other errors are thrown on.
 */
export async function inHalves<T, R>(
  items: readonly T[],
  run: (items: readonly T[]) => Promise<readonly R[]>,
  culprit: (item: T, error: Error) => Promise<R>,
): Promise<readonly R[]> {
  if (items.length === 0) return []
  for (let collision = 1; ; collision++) {
    try {
      return await run(items)
    } catch (error) {
      if (hasCode(error) && collisions.has(error.code) && collision < maxCollisions) continue
      if (!isDataError(error)) throw error
      const [only] = items
      if (items.length === 1 && only !== undefined) return [await culprit(only, error)]
      const middle = items.length >> 1
      const first = await inHalves(items.slice(0, middle), run, culprit)
      return [...first, ...(await inHalves(items.slice(middle), run, culprit))]
    }
  }
}

export function isDataError(error: unknown): error is Error {
  return error instanceof Error && hasCode(error) && dataErrors.test(error.code)
}

function hasCode(error: unknown): error is { readonly code: string } {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
}
