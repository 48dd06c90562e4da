/** Manifests as they were last written, so that a crowd which asks for the same one is answered from memory. */

import { createHash } from 'node:crypto'
import type { Timeline } from '../../core/timeline/index.ts'
import { BoundedCache } from '../../lib/bounded-cache.ts'

/** A manifest ready to be sent. */
export type WrittenManifest = { readonly bytes: Buffer; readonly etag: string }

/** `of` is a weak reference: a text must not keep the timeline of hours in memory. */
type Kept = WrittenManifest & { readonly of: WeakRef<Timeline>; readonly weight: number }

export class WrittenManifests {
  readonly #kept = new BoundedCache<string, Kept>({
    maxWeight: MOST_KEPT_BYTES,
    weigh: ({ weight }) => weight,
  })

  /**
   * The manifest of this timeline; `name` names everything else that decides its text: address, query, captions. A
   * timeline never changes, since another revision is another object; so what was written from it stays right.
   */
  get(timeline: Timeline, name: string, write: () => string): WrittenManifest {
    const kept = this.#kept.peek(name)
    if (kept?.of.deref() === timeline) return kept
    const bytes = Buffer.from(write())
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
    const weight = bytes.byteLength + 2 * name.length + EACH_BYTES
    const written = { bytes, etag, of: new WeakRef(timeline), weight }
    this.#kept.set(name, written)
    return written
  }
}

/** Each playlist of two hours has 100 KB. */
const MOST_KEPT_BYTES = 32 * 1024 ** 2
/** What an entry takes beside its texts. */
const EACH_BYTES = 500
