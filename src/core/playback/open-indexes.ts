/**
 * Sample indexes of the sources that are being watched, parsed and kept in memory up to a number of bytes. A parsed
 * index is a set of views over the bytes of its blob, so opening one costs its read and little else.
 */

import { assert, HeadwaterError } from '../../lib/failure.ts'
import { parseIndex } from '../../media/isobmff/index-format.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import type { BlobName, Blobs } from '../../ports.ts'
import { type PictureTimes, type Plan, pictureTimes, segmentSamples } from '../timeline/index.ts'

/** An index, and where the plan's segments lie in it. */
export type SourceIndex = {
  readonly picture: MovieTrack
  readonly pictureTimes: PictureTimes
  /** First sample of each picture segment, and the end. */
  readonly segmentSamples: Uint32Array
  readonly sound: MovieTrack | undefined
}

/** Opens indexes; equal requests share one read. */
export class OpenIndexes {
  readonly #blobs: Pick<Blobs, 'open'>
  readonly #mostBytes: number
  /** In order of use, the latest last. */
  readonly #open = new Map<BlobName, { readonly index: Promise<SourceIndex>; sizeBytes: number }>()
  #heldBytes = 0

  constructor(blobs: Pick<Blobs, 'open'>, options: { readonly mostBytes?: number } = {}) {
    this.#blobs = blobs
    this.#mostBytes = options.mostBytes ?? 256 * 1024 * 1024
  }

  /** The index in blob `name` under the video's plan. Throws `not_found` or `blob_damaged`. */
  async open(name: BlobName, plan: Plan): Promise<SourceIndex> {
    const known = this.#open.get(name)
    if (known !== undefined) {
      this.#open.delete(name)
      this.#open.set(name, known)
      return known.index
    }
    const index = this.#load(name, plan)
    this.#open.set(name, { index, sizeBytes: 0 })
    // Who asked gets the failure; the next one tries again.
    index.catch(() => this.#open.delete(name))
    return index
  }

  async #load(name: BlobName, plan: Plan): Promise<SourceIndex> {
    const bytes = await readWhole(this.#blobs, name)
    const { tracks } = parseIndex(bytes)
    const picture = tracks[plan.picture.track]
    assert(picture?.kind === 'video', `track ${plan.picture.track} of ${name} is not a picture`)
    const times = pictureTimes(picture)
    this.#hold(name, bytes.byteLength)
    return {
      picture,
      pictureTimes: times,
      segmentSamples: segmentSamples(picture, times, plan.cuts),
      sound: plan.sound === null ? undefined : tracks[plan.sound.track],
    }
  }

  /** Counts what was loaded and lets go of what was used longest ago. */
  #hold(name: BlobName, sizeBytes: number): void {
    const entry = this.#open.get(name)
    if (entry === undefined) return
    entry.sizeBytes = sizeBytes
    this.#heldBytes += sizeBytes
    for (const [oldest, { sizeBytes: freed }] of this.#open) {
      if (this.#heldBytes <= this.#mostBytes || oldest === name) break
      this.#open.delete(oldest)
      this.#heldBytes -= freed
    }
  }
}

/** An index is read whole: 12 MB for two hours. */
async function readWhole(blobs: Pick<Blobs, 'open'>, name: BlobName): Promise<Uint8Array> {
  const reader = await blobs.open(name)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    const got = await reader.read(bytes, 0)
    if (got === bytes.byteLength) return bytes
    throw new HeadwaterError(
      'blob_damaged',
      `An index ended early: ${bytes.byteLength} bytes were expected, ${got} came.`,
      {
        facts: { blob: name },
      },
    )
  } finally {
    await reader.close()
  }
}
