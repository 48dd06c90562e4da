/**
 * The head of a plain MP4 file: `ftyp`, a `moov` that knows every sample, and the header of `mdat`. With it in front a
 * file plays while it is being downloaded.
 */

import { assert } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import type { SampleTable } from './movie.ts'
import {
  concatBytes,
  edts,
  ftyp,
  hdlr,
  mdatHeader,
  mdhd,
  mdia,
  minf,
  moov,
  mvhd,
  tkhd,
  trak,
} from './write-boxes.ts'
import { type SampleChunks, writeSampleTable } from './write-sample-table.ts'

/** A track of the file. All ticks in its own timescale. */
export type FileTrack = {
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  /** A whole sample entry box. */
  readonly sampleEntry: Uint8Array
  /** As displayed; 0 for sound. */
  readonly width: number
  readonly height: number
  /** Composition time at which what is shown begins: `media_time` of the track's one edit. */
  readonly editStartTicks: number
  /** How much is shown from there on. */
  readonly shownTicks: number
  readonly samples: SampleTable
  readonly chunks: SampleChunks
}

/** Sound must not be shortened by the rounding of its edit to the movie's timescale. */
const COARSEST_TIMESCALE = 1000

/**
 * Writes it. The movie's timescale is that of the first track (a multiple of it where that is coarse), so its duration
 * is exact. `brands`: the major brand and those the file is compatible with. `payloadBytes`: how much follows.
 */
export function writeMovieHead(options: {
  readonly brands: readonly [major: string, ...compatible: string[]]
  readonly tracks: readonly FileTrack[]
  readonly payloadBytes: number
}): Uint8Array<ArrayBuffer> {
  const { brands, tracks, payloadBytes } = options
  const [first] = tracks
  assert(first !== undefined, 'A file must have a track.')
  const timescale = first.timescale * Math.ceil(COARSEST_TIMESCALE / first.timescale)
  const brand = ftyp(...brands)
  const mdat = mdatHeader(payloadBytes)
  // The tables have 25 bytes and less for a sample, so this is beyond what the head can add.
  const wide = payloadBytes + 64 * tracks.reduce((sum, { samples }) => sum + samples.count, 4096) > 2 ** 32
  const write = (payloadStart: number): Uint8Array => {
    const shown = tracks.map((track) => scaleTicks(track.shownTicks, timescale, track.timescale))
    return moov(
      mvhd({ timescale, nextTrackId: tracks.length + 1, duration: Math.max(...shown) }),
      ...tracks.map((track, index) =>
        writeTrack(track, { trackId: index + 1, duration: shown[index] ?? 0, payloadStart, wide }),
      ),
    )
  }
  // Chunk offsets count from the file's start, so they need the size of the box they are in, which does not depend on them.
  const payloadStart = brand.byteLength + write(0).byteLength + mdat.byteLength
  return concatBytes([brand, write(payloadStart), mdat])
}

function writeTrack(
  track: FileTrack,
  place: { trackId: number; duration: number; payloadStart: number; wide: boolean },
): Uint8Array {
  const { kind, timescale, width, height, samples } = track
  const { trackId, duration } = place
  const handler = kind === 'video' ? 'vide' : 'soun'
  return trak(
    tkhd({ trackId, volume: kind === 'audio' ? 1 : 0, width, height, duration }),
    edts({ segmentDuration: duration, mediaTime: track.editStartTicks }),
    mdia(
      mdhd({ timescale, duration: samples.endTime - (samples.decodeTimes[0] ?? 0) }),
      hdlr(handler),
      minf(handler, writeSampleTable({ ...track, ...place })),
    ),
  )
}
