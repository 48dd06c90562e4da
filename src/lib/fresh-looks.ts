/**
 * Answers to equal questions to the database, each as fresh as if it had just been asked. While nothing is committed the
 * last answer stands; and where something is, or commits are not announced, the questions of one turn of the event loop
 * are asked once. That question leaves after all of the turn's requests have been read, so that whatever was acknowledged
 * to anybody before a request came is seen by it.
 */

import { BoundedCache } from './bounded-cache.ts'
import { commitCount } from './commit-signal.ts'

export type FreshLooksDeps = {
  /** Where `look` looks. */
  readonly db: object
  readonly clock: { readonly monotonicMs: () => number }
}

type Seen<V> = { readonly value: V; readonly commits: number; readonly atMs: number }

export class FreshLooks<V> {
  readonly #deps: FreshLooksDeps
  readonly #look: (key: string) => Promise<V>
  readonly #seen: BoundedCache<string, Seen<V>>
  readonly #coming = new Map<string, Promise<V>>()

  /** What `look` throws reaches everybody who shares the question, and nobody after. */
  constructor(
    deps: FreshLooksDeps,
    look: (key: string) => Promise<V>,
    options: { readonly mostKept?: number } = {},
  ) {
    this.#deps = deps
    this.#look = look
    this.#seen = new BoundedCache({ maxWeight: options.mostKept ?? MOST_KEPT })
  }

  /** The answer; the value is shared and must not be changed. */
  async get(key: string): Promise<V> {
    const { db, clock } = this.#deps
    const seen = this.#seen.peek(key)
    const isFresh =
      seen !== undefined &&
      seen.commits === commitCount(db) &&
      clock.monotonicMs() - seen.atMs < LONGEST_KEPT_MS
    if (isFresh) return seen.value
    const present = this.#coming.get(key)
    if (present !== undefined) return present
    const coming = this.#lookAfterTurn(key)
    this.#coming.set(key, coming)
    return coming
  }

  async #lookAfterTurn(key: string): Promise<V> {
    await endOfTurn()
    this.#coming.delete(key)
    const { db, clock } = this.#deps
    // Counted before: an answer may be older than a commit that is announced meanwhile.
    const commits = commitCount(db)
    const atMs = clock.monotonicMs()
    const value = await this.#look(key)
    if (commits !== undefined) this.#seen.set(key, { value, commits, atMs })
    return value
  }
}

/** After the sockets that were ready have been read: Node runs immediates before it looks at sockets again. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Should somebody write behind the program's back, it shows this late. */
const LONGEST_KEPT_MS = 1_000
const MOST_KEPT = 2_000
