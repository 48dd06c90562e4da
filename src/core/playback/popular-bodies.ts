/**
 * What many watch at the same time is put together once: a body that is asked for a second time is kept in memory, and
 * sent from there. It saves the read, and of a passthrough the gathering of its samples, which together cost about as
 * much as sending does.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { type BlobSource, type Body, BodyReader, bytesBody } from './body.ts'

export class PopularBodies {
  readonly #blobs: BlobSource
  readonly #asked = new BoundedCache<string, true>({ maxWeight: MOST_NAMES })
  readonly #kept = new BoundedCache<string, Uint8Array>({
    maxWeight: MOST_KEPT_BYTES,
    weigh: ({ byteLength }) => byteLength,
  })

  constructor(blobs: BlobSource) {
    this.#blobs = blobs
  }

  /**
   * The body of this name, which must always be the same bytes: kept, or the one `open` gives. Throws what `open`
   * throws, and `blob_damaged`.
   */
  async get(name: string, open: () => Promise<Body>): Promise<Body> {
    if (this.#asked.peek(name) === undefined) {
      this.#asked.set(name, true)
      return await open()
    }
    const kept = this.#kept.peek(name)
    if (kept !== undefined) return bytesBody(kept)
    const body = await open()
    if (body.sizeBytes > LONGEST_KEPT_BYTES) return body
    return bytesBody(await this.#kept.get(name, () => readWhole(this.#blobs, body)))
  }
}

async function readWhole(blobs: BlobSource, body: Body): Promise<Uint8Array> {
  const reader = new BodyReader(blobs, body)
  try {
    const bytes = new Uint8Array(body.sizeBytes)
    const filled = await reader.read(bytes)
    if (filled === bytes.byteLength) return bytes
    throw new HeadwaterError('internal', `A body ended ${bytes.byteLength - filled} bytes early.`)
  } finally {
    await reader.close()
  }
}

/** Some thirty segments of 4 s at 4 Mbit/s. */
const MOST_KEPT_BYTES = 64 * 1024 ** 2
const LONGEST_KEPT_BYTES = 8 * 1024 ** 2
/** Names of what was asked for once; each has some hundred bytes. */
const MOST_NAMES = 20_000
