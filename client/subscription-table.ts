import type { LiveSubscription } from './live-subscription.ts'
import type { SubscriptionInfo } from './messages.ts'

/**
 * The subscriptions of a client, and under which sid the gateway serves them now. Two of the same signature share a sid. A
 * subscription keeps its last sid in its `info`, for the next connection.
 */
export class SubscriptionTable {
  readonly all = new Set<LiveSubscription>()
  readonly #bySid = new Map<string, Set<LiveSubscription>>()

  /** Those that a sid serves. */
  of(sid: string): Iterable<LiveSubscription> {
    return this.#bySid.get(sid) ?? []
  }

  has(sid: string): boolean {
    return this.#bySid.has(sid)
  }

  isBound(subscription: LiveSubscription): boolean {
    return this.#bySid.get(subscription.info?.sid ?? '')?.has(subscription) === true
  }

  /** The gateway serves it so; of one that is served already, the changes will do. */
  bind(subscription: LiveSubscription, change: Partial<SubscriptionInfo> & Pick<SubscriptionInfo, 'sid'>): void {
    const { sid } = change
    subscription.info = { ...subscription.info, ...change } as SubscriptionInfo
    if (sid !== null) this.#bySid.set(sid, (this.#bySid.get(sid) ?? new Set()).add(subscription))
  }

  /** What a sid serves goes on under another one. @returns what that is. */
  move(from: string, change: Parameters<SubscriptionTable['bind']>[1]): LiveSubscription[] {
    const moved = [...this.of(from)]
    for (const subscription of moved) {
      this.unbind(subscription)
      this.bind(subscription, change)
    }
    return moved
  }

  /** @returns the sid when it serves nobody any more. */
  unbind(subscription: LiveSubscription): string | null {
    const sid = subscription.info?.sid ?? ''
    const sharing = this.#bySid.get(sid)
    if (!sharing?.delete(subscription) || sharing.size > 0) return null
    this.#bySid.delete(sid)
    return sid
  }

  /** The connection is gone, and with it what it served. */
  unbindAll(): void {
    this.#bySid.clear()
    for (const subscription of this.all) subscription.state.interrupt()
  }
}
