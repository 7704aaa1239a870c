// When a callback that failed is tried again, and when no more. Pure.

const longestPauseSeconds = 300

/** 1 s, 2 s, 4 s … 5 min between tries: this many take about a day. */
export const mostTries = 296

/** Milliseconds to wait after try number `tries` (from 1) has failed; undefined: it was the last. */
export function retryDelayMs(tries: number, random: () => number): number | undefined {
  if (tries >= mostTries) return undefined
  const seconds = Math.min(longestPauseSeconds, 2 ** (tries - 1))
  // A tenth more or less, so that what failed together does not come back together.
  return Math.round(seconds * (900 + 200 * random()))
}
