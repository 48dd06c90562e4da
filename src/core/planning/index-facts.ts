/** Facts that a movie's own index gives: which tracks are used, when their pictures are shown, how they are turned. Pure. */

import { readAudioSpecificConfig } from '../../media/codecs/aac.ts'
import { readAvcConfig } from '../../media/codecs/avc.ts'
import type { Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import { editShape, presentationTimes, sortedTimes } from '../../media/isobmff/presentation.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { SourcePicture, SourceSound } from './plan.ts'
import type { PictureTimeline } from './source-facts.ts'

/** Index of the picture track that is used: the first with pictures. Throws what is there instead if there is none. */
export function findPictureTrack(movie: Movie): number {
  const found = movie.tracks.findIndex((track) => track.kind === 'video' && track.samples.count > 0)
  if (found !== -1) return found
  const sounds = movie.tracks.filter((track) => track.kind === 'audio').length
  const empty = movie.tracks.some((track) => track.kind === 'video')
  const facts = { tracks: movie.tracks.length }
  if (empty && movie.fragmented) {
    const sentence = 'The file has a picture track, but none of the fragments that hold its pictures.'
    throw new HeadwaterError('mp4_fragments_missing', sentence, { facts })
  }
  if (empty) {
    const sentence = 'The file has a picture track without a single picture.'
    throw new HeadwaterError('picture_track_empty', sentence, { facts })
  }
  throw new HeadwaterError(
    sounds === 0 ? 'only_data' : 'only_sound',
    `The file has no picture track, only ${sounds === 0 ? 'data' : `${sounds} of sound`}.`,
    { facts },
  )
}

/** Index of the sound track that is used: the first with sound; undefined if there is none. */
export function findSoundTrack(movie: Movie): number | undefined {
  const found = movie.tracks.findIndex((track) => track.kind === 'audio' && track.samples.count > 0)
  return found === -1 ? undefined : found
}

/** Whether a stretch of the track can be handed to the decoder by itself: one description, one plain stretch of media. */
export function isSliceable(track: MovieTrack): boolean {
  return track.entries.length === 1 && editShape(track).kind !== 'several'
}

/** Which pictures are shown when; those before 0 or after the end of the edit list are not. */
export function pictureTimeline(track: MovieTrack): PictureTimeline {
  const { samples, timescale } = track
  const all = sortedTimes(presentationTimes(track))
  const editEnd = editShape(track).endTicks ?? Number.POSITIVE_INFINITY
  const lastLasts = Math.max(0, samples.endTime - (samples.decodeTimes[samples.count - 1] ?? 0))
  const average =
    samples.count > 1 ? ((all.at(-1) ?? 0) - (all[0] ?? 0)) / (samples.count - 1) : timescale / 25
  // A last sample without a length, or with a nonsensical one, lasts as long as the others do.
  const lasts = lastLasts > 0 && lastLasts <= 10 * timescale ? lastLasts : Math.max(1, Math.round(average))
  const mediaEnd = (all.at(-1) ?? 0) + lasts
  // Edit lists count in the movie's coarse ticks: less than one picture short of the end is rounding.
  const endTicks = editEnd < mediaEnd - Math.max(lasts, average) ? editEnd : mediaEnd
  // The picture on show at 0 may have begun before.
  let first = 0
  while (first + 1 < all.length && (all[first + 1] ?? 0) <= 0) first += 1
  let end = all.length
  while (end > first + 1 && (all[end - 1] ?? 0) >= endTicks) end -= 1
  const sorted = all.slice(first, end)
  if ((sorted[0] ?? 0) < 0) sorted[0] = 0
  return { timescale, sorted, endTicks: Math.max(1, endTicks), originUs: 0 }
}

/** Clockwise turn of the track header's matrix, and whether it is nothing else. */
export function readMatrix(matrix: readonly number[]): { rotation: 0 | 90 | 180 | 270; plain: boolean } {
  const [a = 0, b = 0, , c = 0, d = 0] = matrix
  const is = (...expected: readonly number[]): boolean =>
    [a, b, c, d].every((value, index) => Math.sign(Math.abs(value) < 64 ? 0 : value) === expected[index])
  if (is(1, 0, 0, 1)) return { rotation: 0, plain: a === d && b === 0 && c === 0 }
  if (is(0, 1, -1, 0)) return { rotation: 90, plain: false }
  if (is(-1, 0, 0, -1)) return { rotation: 180, plain: false }
  if (is(0, -1, 1, 0)) return { rotation: 270, plain: false }
  return { rotation: 0, plain: false }
}

/**
 * What the index says of an H.264 picture track with a readable configuration; undefined for everything else, which
 * the decoder then reports on.
 */
export function avcPicture(movie: Movie, index: number): SourcePicture | undefined {
  const track = movie.tracks[index]
  const entry = track?.entries[0]
  if (track === undefined || entry?.fourcc !== 'avc1' || entry.config === null) return undefined
  try {
    const facts = readAvcConfig(entry.config)
    const transfer = entry.video?.transferCharacteristics ?? facts.transferCharacteristics
    const said = entry.video?.pixelAspect ?? facts.pixelAspect
    return describePicture({
      track: index,
      codec: 'h264',
      width: facts.width,
      height: facts.height,
      // A container that says nothing leaves it to the bitstream.
      pixelAspect: said.num === said.den ? facts.pixelAspect : said,
      rotation: readMatrix(track.matrix).rotation,
      bitDepth: facts.bitDepth,
      transfer: transfer === 16 ? 'pq' : transfer === 18 ? 'hlg' : 'sdr',
      interlaced: facts.interlaced,
      saysBt709: facts.matrixCoefficients === BT709,
    })
  } catch (error) {
    if (isFailure(error) && error.kind === 'media') return undefined
    throw error
  }
}

/** `matrix_coefficients` of ISO/IEC 23091-2 §8.3. */
const BT709 = 1

/** Adds the display size: square pixels, turned upright. */
export function describePicture(facts: {
  track: number
  codec: string
  width: number
  height: number
  pixelAspect: { num: number; den: number }
  rotation: 0 | 90 | 180 | 270
  bitDepth: number
  transfer: 'sdr' | 'pq' | 'hlg'
  interlaced: boolean
  saysBt709: boolean
}): SourcePicture {
  const { num, den } = facts.pixelAspect
  // Wide pixels are widened, narrow ones heightened: nothing is thrown away.
  const width = num > den ? Math.round((facts.width * num) / den) : facts.width
  const height = num < den ? Math.round((facts.height * den) / num) : facts.height
  const turned = facts.rotation === 90 || facts.rotation === 270
  return {
    track: facts.track,
    codec: facts.codec,
    codedWidth: facts.width,
    codedHeight: facts.height,
    rotation: facts.rotation,
    pixelAspect: facts.pixelAspect,
    displayWidth: turned ? height : width,
    displayHeight: turned ? width : height,
    transfer: facts.transfer,
    bitDepth: facts.bitDepth,
    interlaced: facts.interlaced,
    saysBt709: facts.saysBt709,
  }
}

/** What the index says of the sound. */
export function indexedSound(movie: Movie, index: number): SourceSound {
  const entry = movie.tracks[index]?.entries[0]
  const config = entry?.fourcc === 'mp4a' ? entry.config : null
  const coded = config === null || config === undefined ? undefined : tryReadAac(config)
  return {
    track: index,
    codec: coded === undefined ? (entry?.fourcc ?? 'unknown') : 'aac',
    sampleRate: coded?.outputSampleRate ?? entry?.audio?.sampleRate ?? 0,
    // The sample entry of a 5.1 track often says 2 (rule 11).
    channels: coded?.channels || (entry?.audio?.channels ?? 0),
  }
}

function tryReadAac(config: Uint8Array): ReturnType<typeof readAudioSpecificConfig> | undefined {
  try {
    return readAudioSpecificConfig(config)
  } catch (error) {
    if (isFailure(error) && error.kind === 'media') return undefined
    throw error
  }
}
