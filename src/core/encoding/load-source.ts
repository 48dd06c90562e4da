/** What a chunk job needs of its video: the plan and, where there is one, the index, kept between jobs. */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { assert, HeadwaterError } from '../../lib/failure.ts'
import { parseIndex } from '../../media/isobmff/index-format.ts'
import type { Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import { presentationTimes } from '../../media/isobmff/presentation.ts'
import type { BlobName, Blobs } from '../../ports.ts'
import { type PictureTimes, pictureTimes, type Plan, segmentSamples } from '../timeline/index.ts'

/** A picture track with everything that is computed of it once. */
export type IndexedPicture = {
  readonly track: MovieTrack
  /** Presentation times in decode order, in the track's timescale. */
  readonly times: Float64Array
  /** Beside a passthrough: when the plan shows each picture, and where its segments begin. */
  readonly source: { readonly shown: PictureTimes; readonly segmentSamples: Uint32Array } | null
}

export type IndexedSound = { readonly track: MovieTrack; readonly times: Float64Array }

export type IndexedSource = {
  readonly picture: IndexedPicture
  readonly sound: IndexedSound | null
  readonly sizeBytes: number
}

/** Two hours take 12 MB; workers turn to few videos at a time. */
const KEPT_BYTES = 256 * 1024 ** 2

/** Opens indexes for encoding; equal requests share one reading. */
export class SourceIndexes {
  readonly #blobs: Pick<Blobs, 'open'>
  readonly #cache = new BoundedCache<BlobName, IndexedSource>({
    maxWeight: KEPT_BYTES,
    weigh: (source) => source.sizeBytes * 2,
  })

  constructor(blobs: Pick<Blobs, 'open'>) {
    this.#blobs = blobs
  }

  /** The index in blob `name`, under the video's plan. */
  open(name: BlobName, plan: Plan): Promise<IndexedSource> {
    return this.#cache.get(name, async () => {
      const bytes = await readBlob(this.#blobs, name)
      return describe(parseIndex(bytes), plan, bytes.byteLength)
    })
  }
}

function describe(movie: Movie, plan: Plan, sizeBytes: number): IndexedSource {
  const track = movie.tracks[plan.picture.track]
  assert(track !== undefined, `The index has no track ${plan.picture.track}.`)
  const shown = pictureTimes(track)
  const source =
    plan.frames.kind === 'source' ? { shown, segmentSamples: segmentSamples(track, shown, plan.cuts) } : null
  const sound = plan.sound === null ? undefined : movie.tracks[plan.sound.track]
  return {
    picture: { track, times: presentationTimes(track), source },
    sound: sound === undefined ? null : { track: sound, times: presentationTimes(sound) },
    sizeBytes,
  }
}

/** The whole of a small blob. Throws `blob_damaged` when it is shorter than it says. */
export async function readBlob(blobs: Pick<Blobs, 'open'>, name: BlobName): Promise<Uint8Array> {
  const reader = await blobs.open(name)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    const got = await reader.read(bytes, 0)
    if (got === bytes.byteLength) return bytes
    throw shortRead(name, bytes.byteLength, got)
  } finally {
    await reader.close()
  }
}

/** The failure of a blob that ended early. */
export function shortRead(name: BlobName, expected: number, got: number): HeadwaterError {
  return new HeadwaterError('blob_damaged', `${expected} bytes of ${name} were expected, ${got} came.`)
}
