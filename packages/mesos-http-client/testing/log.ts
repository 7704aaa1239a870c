// A list that can be waited on, so that tests wait for events and never for time.

export class Log<T> {
  readonly items: T[] = []
  readonly #waiters = new Set<() => void>()

  readonly add = (item: T): void => {
    this.items.push(item)
    for (const wake of this.#waiters) wake()
  }

  /** The first item, from `from` on, that `matches`; now or as soon as there is one. */
  async first(matches: (item: T) => boolean = () => true, from = 0): Promise<T> {
    for (;;) {
      const found = this.items.slice(from).find(item => matches(item))
      if (found !== undefined) return found
      await new Promise<void>(resolve => {
        const wake = () => {
          this.#waiters.delete(wake)
          resolve()
        }
        this.#waiters.add(wake)
      })
    }
  }

  /** The first `count` items. */
  async take(count: number): Promise<T[]> {
    await this.first(() => this.items.length >= count)
    return this.items.slice(0, count)
  }
}
