/** What ingest knows of a source before it decides. */

import type { Movie } from '../../media/isobmff/movie.ts'
import type { BlobFacts, BlobName } from '../../ports.ts'
import type { SourcePicture, SourceSound } from './plan.ts'

/** The bytes that segments are cut from and chunks are decoded from. */
export type MediaBlob = {
  readonly name: BlobName
  /** ffmpeg's demuxer, pinned. */
  readonly demuxer: string
  readonly sizeBytes: number
  /** Of a remux that was made now; null for the source itself. */
  readonly made: BlobFacts | null
}

/** When pictures are shown, counted from the start of the movie. */
export type PictureTimeline = {
  /** Ticks per second. */
  readonly timescale: number
  /** Start of every picture that is shown, ascending. */
  readonly sorted: Float64Array
  /** End of the last one. */
  readonly endTicks: number
  /** Where 0 lies in the decoder's own time, microseconds; 0 with an index. */
  readonly originUs: number
}

export type SourceFacts = {
  /** As sniffed, for people. */
  readonly container: string
  readonly media: MediaBlob
  /** The index of the media blob; null where only the decoder can read it. */
  readonly movie: Movie | null
  readonly picture: SourcePicture
  readonly times: PictureTimeline
  readonly sound: SourceSound | null
  /** What was noticed on the way and changes something for the owner, as sentences. */
  readonly notes: readonly string[]
}
