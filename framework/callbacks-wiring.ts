// The leader's deliverer of callbacks: one for each term of leadership, begun and ended with it. See wiring.ts for the rest.
import { defaultAddressRule } from './callbacks/address-rule.ts'
import { Deliverer } from './callbacks/deliverer.ts'
import { CallbackSender } from './callbacks/send.ts'
import { isLoopback } from './environment.ts'
import type { Config } from './config.ts'
import { callbackJson } from './http/task-json.ts'
import { partLogger, type Logger } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import {
  claimCallbacks,
  ingestOutbox,
  recordCallbackResults,
  type LeaderDeps,
  type LeaseHold,
} from './usecases/index.ts'

export interface CallbackWiringOptions {
  readonly config: Config
  readonly deps: LeaderDeps
  readonly metrics: Metrics
  readonly log: Logger
}

export class WiredCallbacks {
  readonly #options: CallbackWiringOptions
  readonly #sender: CallbackSender
  #deliverer: Deliverer | undefined
  /** Those of earlier terms that are ending. */
  #ending: Promise<void> = Promise.resolve()

  constructor(options: CallbackWiringOptions) {
    this.#options = options
    const allowLoopback = isLoopback(options.config.http.host)
    this.#sender = new CallbackSender({ rule: defaultAddressRule({ allowLoopback }) })
  }

  /** This process leads with this hold, or does not. */
  leading(hold: LeaseHold | undefined): void {
    const before = this.#deliverer
    this.#deliverer = undefined
    if (before) this.#ending = this.#ending.then(() => before.close())
    if (!hold) return
    const { config, deps, metrics, log } = this.#options
    this.#deliverer = new Deliverer({
      store: {
        ingest: () => ingestOutbox(deps, hold),
        claim: args => claimCallbacks(deps, hold, args),
        record: results => recordCallbackResults(deps, hold, results),
      },
      send: (callback, signal) => this.#sender.send(callback, signal),
      bodyOf: callback => callbackJson(callback, config.publicUrl),
      now: deps.now,
      random: Math.random,
      logger: partLogger(log, 'callbacks'),
      metrics,
    })
    this.#deliverer.start()
  }

  hint(): void {
    this.#deliverer?.hint()
  }

  async close(): Promise<void> {
    this.leading(undefined)
    await this.#ending
    await this.#sender.close()
  }
}
