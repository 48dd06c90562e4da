/**
 * The sample indexes of the sources that are being watched or encoded, kept in memory up to a number of bytes. An index
 * is a set of views over the bytes of its blob, so opening one costs its read and little else.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { assert } from '../../lib/failure.ts'
import { readIndex } from '../../media/isobmff/index-format.ts'
import type { Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import type { BlobName, Blobs } from '../../ports.ts'
import { type PictureTimes, pictureTimes, type Plan, segmentSamples } from '../planning/index.ts'

/** A source's index under its plan. */
export type SourceIndex = {
  /** Memory it holds on to. */
  readonly sizeBytes: number
  readonly picture: MovieTrack
  /** Where pictures are the source's own: when the plan shows each, and where its segments begin. */
  readonly own: OwnPictures | null
  readonly sound: MovieTrack | null
}

export type OwnPictures = {
  readonly times: PictureTimes
  /** First sample of each picture segment, and the end. */
  readonly segmentSamples: Uint32Array
}

/** Two hours take 14 MB. */
const KEPT_BYTES = 256 * 1024 ** 2

/** Opens indexes; equal requests share one read. */
export class SourceIndexes {
  readonly #blobs: Pick<Blobs, 'open'>
  readonly #open: BoundedCache<BlobName, SourceIndex>

  constructor(blobs: Pick<Blobs, 'open'>, options: { readonly mostBytes?: number } = {}) {
    this.#blobs = blobs
    this.#open = new BoundedCache({
      maxWeight: options.mostBytes ?? KEPT_BYTES,
      weigh: (index) => index.sizeBytes,
    })
  }

  /** The index in blob `name` under its video's plan. Throws `not_found` or `blob_damaged`. */
  open(name: BlobName, plan: Plan): Promise<SourceIndex> {
    return this.#open.get(name, async () => {
      const reader = await this.#blobs.open(name)
      try {
        return describeIndex(await readIndex(reader), plan, reader.sizeBytes)
      } finally {
        await reader.close()
      }
    })
  }
}

/** An index under its plan; `sizeBytes`: memory it holds on to. */
export function describeIndex({ tracks }: Movie, plan: Plan, sizeBytes: number): SourceIndex {
  const picture = tracks[plan.picture.track]
  assert(picture?.kind === 'video', `track ${plan.picture.track} of the index is not a picture`)
  const sound = plan.sound === null ? undefined : tracks[plan.sound.track]
  return { sizeBytes, picture, own: ownPictures(picture, plan), sound: sound ?? null }
}

function ownPictures(picture: MovieTrack, plan: Plan): OwnPictures | null {
  if (plan.frames.kind !== 'source') return null
  const times = pictureTimes(picture)
  return { times, segmentSamples: segmentSamples(picture, times, plan.cuts) }
}
