/**
 * The sample indexes of the sources that are being watched or encoded, kept in memory up to a number of bytes. An index
 * is a set of views over the bytes of its blob, so opening one costs its read and little else.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { assert } from '../../lib/failure.ts'
import { readIndex } from '../../media/isobmff/index-format.ts'
import type { Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import type { BlobName, Blobs } from '../../ports.ts'
import {
  mediaCuts,
  type PictureTimes,
  pictureTimes,
  type Plan,
  segmentSamples,
  windowTimes,
} from '../planning/index.ts'

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
  /**
   * First sample of each picture segment, and the end. Of a clip's first and last one: of all they are decoded from, so
   * some samples may have no time in it.
   */
  readonly segmentSamples: Uint32Array
}

/** Two hours take 14 MB. */
const KEPT_BYTES = 256 * 1024 ** 2

/** Opens indexes; equal requests share one read. */
export class SourceIndexes {
  readonly #blobs: Pick<Blobs, 'open'>
  readonly #open: BoundedCache<string, SourceIndex>

  constructor(blobs: Pick<Blobs, 'open'>, options: { readonly mostBytes?: number } = {}) {
    this.#blobs = blobs
    this.#open = new BoundedCache({
      maxWeight: options.mostBytes ?? KEPT_BYTES,
      weigh: (index) => index.sizeBytes,
    })
  }

  /** The index in blob `name` under its video's plan. Throws `not_found` or `blob_damaged`. */
  open(name: BlobName, plan: Plan): Promise<SourceIndex> {
    // Clips look at the same index through windows of their own.
    const key = plan.window === undefined ? name : `${name} ${plan.window.startTicks} ${plan.cuts.at(-1)}`
    return this.#open.get(key, async () => {
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
  const starts = segmentSamples(picture, times, mediaCuts(plan))
  return { times: windowTimes(times, starts, plan), segmentSamples: starts }
}
