/** What is wrong with the pictures of a file, as far as its index tells before or after the decoder has tried them. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../lib/media-faults.ts'
import { readAvcConfig } from '../../media/codecs/avc.ts'
import { readHevcConfig } from '../../media/codecs/hevc.ts'
import { holdsUnits } from '../../media/isobmff/coded-units.ts'
import type { ByteSource, Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import { findPictureTrack } from './index-facts.ts'

/** What is to blame should the decoder not get anywhere, and where its first picture lies. */
export type Blame = {
  readonly atByte: number | null
  readonly fault: { readonly code: MediaFault; readonly sentence: string } | null
}

/** Entries of encrypted tracks: ISO/IEC 14496-12 §8.12, and QuickTime's own. */
const ENCRYPTED: readonly string[] = ['encv', 'drmi']
/** Luma samples of a picture at the highest level of HEVC (7.2) and AV1, and the longest side that goes with it. */
const MOST_PIXELS = 16_384 * 8704
const LONGEST_SIDE = 16_888

/** Throws `picture_encrypted`. */
export function refuseEncrypted(track: MovieTrack): void {
  const { entries, samples } = track
  if (entries.length > 0 && entries.every(({ fourcc }) => ENCRYPTED.includes(fourcc))) {
    const sentence = `The pictures are encrypted ('${entries[0]?.fourcc}'), and there is no key.`
    throw new HeadwaterError('picture_encrypted', sentence, { facts: { atByte: samples.offsets[0] ?? 0 } })
  }
}

/** Throws `picture_too_large`. */
export function refuseSize(width: number, height: number): void {
  if (width * height <= MOST_PIXELS && Math.max(width, height) <= LONGEST_SIDE) return
  throw new HeadwaterError(
    'picture_too_large',
    `The pictures have ${width} × ${height} pixels; at most 16384 × 8704 are possible.`,
    { facts: { width, height } },
  )
}

/** What the index says against the track's pictures. */
export function blameOf(track: MovieTrack): Blame {
  const { entries, samples } = track
  const [entry] = entries
  const atByte = samples.offsets[0] ?? null
  if (entry === undefined) return { atByte, fault: null }
  const read = READERS[entry.fourcc]
  if (read === undefined) return { atByte, fault: null }
  if (entry.config === null) {
    const sentence = `The index has no parameter sets for its '${entry.fourcc}' pictures.`
    return { atByte, fault: { code: 'parameter_sets_missing', sentence } }
  }
  try {
    read(entry.config)
    return { atByte, fault: null }
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'media') throw error
    return { atByte, fault: { code: error.code as MediaFault, sentence: error.message } }
  }
}

const READERS: Readonly<Record<string, (config: Uint8Array) => unknown>> = {
  avc1: readAvcConfig,
  hvc1: (config) => readHevcConfig(config, 'hvc1'),
}

/** The failure of pictures that cannot be decoded. `cause`: what the decoder said. */
export function undecodable({ atByte, fault }: Blame, cause?: unknown): HeadwaterError {
  const code = fault?.code ?? 'pictures_undecodable'
  return new HeadwaterError(code, fault?.sentence ?? MEDIA_FAULTS[code].when, {
    facts: { atSeconds: 0, ...(atByte === null ? {} : { atByte }) },
    cause,
  })
}

/** Whether what the index calls the first H.264 picture looks like one; other codecs are asked about anyway. */
export async function beginsWithPicture(source: ByteSource, movie: Movie): Promise<boolean> {
  const track = movie.tracks[findPictureTrack(movie)]
  const entry = track?.entries[0]
  if (track === undefined || entry?.fourcc !== 'avc1' || entry.config === null) return true
  // The two bits of `lengthSizeMinusOne` (ISO/IEC 14496-15 §5.3.3.1.2).
  const lengthSize = ((entry.config[4] ?? 3) & 3) + 1
  const sample = { offset: track.samples.offsets[0] ?? 0, size: track.samples.sizes[0] ?? 0 }
  return await holdsUnits(source, sample, lengthSize)
}
