// How often something may happen: a burst, then a steady rate. Pure but for its own count; the clock is an argument.

export class TokenBucket {
  readonly #size: number
  readonly #perSecond: number
  #tokens: number
  #atMs: number

  constructor(options: { size: number; perSecond: number; nowMs: number }) {
    this.#size = options.size
    this.#perSecond = options.perSecond
    this.#tokens = options.size
    this.#atMs = options.nowMs
  }

  /** Takes a token if there is one. */
  take(nowMs: number): boolean {
    if (this.waitMs(nowMs) > 0) return false
    this.#tokens -= 1
    return true
  }

  /** Until there is one, in ms. */
  waitMs(nowMs: number): number {
    const earned = (Math.max(0, nowMs - this.#atMs) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#size, this.#tokens + earned)
    this.#atMs = nowMs
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000)
  }
}
