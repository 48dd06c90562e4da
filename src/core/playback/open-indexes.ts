/**
 * Sample indexes of the sources that are being watched, parsed and kept in memory up to a number of bytes. A parsed
 * index is a set of views over the bytes of its blob, so opening one costs its read and little else.
 */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { assert, HeadwaterError } from '../../lib/failure.ts'
import { parseIndex } from '../../media/isobmff/index-format.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import type { BlobName } from '../../ports.ts'
import { type PictureTimes, type Plan, pictureTimes, segmentSamples } from '../timeline/index.ts'
import type { BlobSource } from './body.ts'

/** An index, and where the plan's segments lie in it. */
export type SourceIndex = {
  /** Memory it holds on to. */
  readonly sizeBytes: number
  readonly picture: MovieTrack
  readonly pictureTimes: PictureTimes
  /** First sample of each picture segment, and the end. */
  readonly segmentSamples: Uint32Array
  readonly sound: MovieTrack | undefined
}

/** Opens indexes; equal requests share one read. */
export class OpenIndexes {
  readonly #blobs: BlobSource
  readonly #open: BoundedCache<BlobName, SourceIndex>

  constructor(blobs: BlobSource, options: { readonly mostBytes?: number } = {}) {
    this.#blobs = blobs
    this.#open = new BoundedCache({
      maxWeight: options.mostBytes ?? 256 * 1024 * 1024,
      weigh: (index) => index.sizeBytes,
    })
  }

  /** The index in blob `name` under its video's plan. Throws `not_found` or `blob_damaged`. */
  open(name: BlobName, plan: Plan): Promise<SourceIndex> {
    return this.#open.get(name, async () => readIndex(await readWhole(this.#blobs, name), plan))
  }
}

function readIndex(bytes: Uint8Array, plan: Plan): SourceIndex {
  const { tracks } = parseIndex(bytes)
  const picture = tracks[plan.picture.track]
  assert(picture?.kind === 'video', `track ${plan.picture.track} of the index is not a picture`)
  const times = pictureTimes(picture)
  return {
    sizeBytes: bytes.byteLength,
    picture,
    pictureTimes: times,
    segmentSamples: segmentSamples(picture, times, plan.cuts),
    sound: plan.sound === null ? undefined : tracks[plan.sound.track],
  }
}

/** An index is read whole: 12 MB for two hours. */
async function readWhole(blobs: BlobSource, name: BlobName): Promise<Uint8Array> {
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
