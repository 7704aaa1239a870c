// The offers that we hold. Void with the subscription that brought them (S38); each is used once (S39). No I/O.
import type { Offer } from 'mesos-http-client'
import type { OfferSnapshot } from '../placement/types.ts'
import { offerSnapshot } from './offer-snapshot.ts'

export class OfferBook {
  readonly #held = new Map<string, { readonly offer: Offer; readonly snapshot: OfferSnapshot }>()

  get size(): number {
    return this.#held.size
  }

  add(offers: readonly Offer[]): void {
    for (const offer of offers) this.#held.set(offer.id.value, { offer, snapshot: offerSnapshot(offer) })
  }

  /** Taken back by the master. */
  rescind(offerId: string): void {
    this.#held.delete(offerId)
  }

  /** Hands these offers out for good: they are not held any more. Unknown ids are left out. */
  take(offerIds: Iterable<string>): Map<string, Offer> {
    const taken = new Map<string, Offer>()
    for (const offerId of offerIds) {
      const entry = this.#held.get(offerId)
      if (!entry) continue
      this.#held.delete(offerId)
      taken.set(offerId, entry.offer)
    }
    return taken
  }

  ids(): string[] {
    return [...this.#held.keys()]
  }

  snapshots(): OfferSnapshot[] {
    return [...this.#held.values()].map(({ snapshot }) => snapshot)
  }

  clear(): void {
    this.#held.clear()
  }
}
