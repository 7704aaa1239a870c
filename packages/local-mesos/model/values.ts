// Arithmetic on the three kinds of Mesos values: scalars in thousandths, port ranges, sets.
// Pure; Mesos itself rounds scalars to three decimals, so integers of a thousandth lose nothing.

export interface Range {
  readonly begin: number
  readonly end: number
}

export type Value =
  | { readonly type: 'SCALAR'; readonly millis: number }
  | { readonly type: 'RANGES'; readonly ranges: readonly Range[] }
  | { readonly type: 'SET'; readonly items: readonly string[] }

/** Sorts and joins ranges that touch or overlap; drops those that are the wrong way round. */
export function coalesce(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter(range => range.begin <= range.end).sort((a, b) => a.begin - b.begin)
  const joined: Range[] = []
  for (const range of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && range.begin <= last.end + 1) {
      joined[joined.length - 1] = { begin: last.begin, end: Math.max(last.end, range.end) }
    } else {
      joined.push({ begin: range.begin, end: range.end })
    }
  }
  return joined
}

/** `from` without every number in `taken`; both coalesced. */
export function subtractRanges(from: readonly Range[], taken: readonly Range[]): Range[] {
  let left = [...from]
  for (const hole of taken) {
    left = left.flatMap(range => {
      if (hole.end < range.begin || hole.begin > range.end) return [range]
      const parts: Range[] = []
      if (range.begin < hole.begin) parts.push({ begin: range.begin, end: hole.begin - 1 })
      if (range.end > hole.end) parts.push({ begin: hole.end + 1, end: range.end })
      return parts
    })
  }
  return left
}

/** Whether every number in `inner` is in `outer`; both coalesced. */
export function containsRanges(outer: readonly Range[], inner: readonly Range[]): boolean {
  return inner.every(range => outer.some(whole => whole.begin <= range.begin && range.end <= whole.end))
}

export function isEmptyValue(value: Value): boolean {
  switch (value.type) {
    case 'SCALAR':
      return value.millis <= 0
    case 'RANGES':
      return value.ranges.length === 0
    case 'SET':
      return value.items.length === 0
  }
}

/** Sum; both of one type, else the left one. */
export function addValues(left: Value, right: Value): Value {
  if (left.type === 'SCALAR' && right.type === 'SCALAR') {
    return { type: 'SCALAR', millis: left.millis + right.millis }
  }
  if (left.type === 'RANGES' && right.type === 'RANGES') {
    return { type: 'RANGES', ranges: coalesce([...left.ranges, ...right.ranges]) }
  }
  if (left.type === 'SET' && right.type === 'SET') {
    return { type: 'SET', items: [...new Set([...left.items, ...right.items])] }
  }
  return left
}

/** Difference; what `right` has beyond `left` is ignored for ranges and sets, negative for scalars. */
export function subtractValues(left: Value, right: Value): Value {
  if (left.type === 'SCALAR' && right.type === 'SCALAR') {
    return { type: 'SCALAR', millis: left.millis - right.millis }
  }
  if (left.type === 'RANGES' && right.type === 'RANGES') {
    return { type: 'RANGES', ranges: subtractRanges(left.ranges, right.ranges) }
  }
  if (left.type === 'SET' && right.type === 'SET') {
    return { type: 'SET', items: left.items.filter(item => !right.items.includes(item)) }
  }
  return left
}

export function containsValue(outer: Value, inner: Value): boolean {
  if (outer.type === 'SCALAR' && inner.type === 'SCALAR') return outer.millis >= inner.millis
  if (outer.type === 'RANGES' && inner.type === 'RANGES') return containsRanges(outer.ranges, inner.ranges)
  if (outer.type === 'SET' && inner.type === 'SET') {
    return inner.items.every(item => outer.items.includes(item))
  }
  return false
}
