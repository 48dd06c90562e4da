/** Keeps made values, the least recently used going first, bounded by weight. Equal requests share one maker. */

export type BoundedCacheOptions<V> = {
  /** Sum of weights that is kept. */
  readonly maxWeight: number
  /** Weight of a value, in the unit of `maxWeight`; default 1. */
  readonly weigh?: (value: V) => number
}

type Kept<V> = { readonly value: V; readonly weight: number }

export class BoundedCache<K, V> {
  readonly #options: BoundedCacheOptions<V>
  /** Oldest use first. */
  readonly #kept = new Map<K, Kept<V>>()
  /** The one used last, if it is still there: what is asked for again and again need not be moved to the end it is at. */
  #newest: Kept<V> | undefined
  readonly #making = new Map<K, Promise<V>>()
  #weight = 0

  constructor(options: BoundedCacheOptions<V>) {
    this.#options = options
  }

  /** The kept value, or the one `make` gives; a failure reaches everybody who waits and is not kept. */
  get(key: K, make: () => Promise<V>): Promise<V> {
    const kept = this.#use(key)
    if (kept !== undefined) return Promise.resolve(kept.value)
    const present = this.#making.get(key)
    if (present !== undefined) return present
    const making = this.#make(key, make, () => this.#making.get(key) === making)
    this.#making.set(key, making)
    return making
  }

  /** The kept value, if there is one. */
  peek(key: K): V | undefined {
    return this.#use(key)?.value
  }

  /** Keeps `value` in place of what was kept under `key`; not at all if it alone is too heavy. */
  set(key: K, value: V): void {
    this.delete(key)
    const weight = this.#options.weigh?.(value) ?? 1
    if (weight > this.#options.maxWeight) return
    const kept = { value, weight }
    this.#kept.set(key, kept)
    this.#newest = kept
    this.#weight += weight
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= this.#options.maxWeight) break
      this.#remove(oldest)
    }
  }

  /** Forgets the value; one that is being made reaches those who wait, but is not kept. */
  delete(key: K): void {
    this.#making.delete(key)
    this.#remove(key)
  }

  clear(): void {
    this.#making.clear()
    this.#kept.clear()
    this.#newest = undefined
    this.#weight = 0
  }

  /** Sum of the weights kept. */
  get weight(): number {
    return this.#weight
  }

  async #make(key: K, make: () => Promise<V>, isCurrent: () => boolean): Promise<V> {
    // Begins in a later turn, so that a maker which throws at once is known as being made.
    await Promise.resolve()
    try {
      const value = await make()
      if (isCurrent()) this.set(key, value)
      return value
    } finally {
      if (isCurrent()) this.#making.delete(key)
    }
  }

  #use(key: K): Kept<V> | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined || kept === this.#newest) return kept
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    this.#newest = kept
    return kept
  }

  #remove(key: K): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    if (kept === this.#newest) this.#newest = undefined
    this.#kept.delete(key)
    this.#weight -= kept.weight
  }
}
