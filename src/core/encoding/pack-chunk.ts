/**
 * Encoder output → segments: read with our own reader, counted, compared, and written anew with times from the plan.
 * Nothing the encoder says about times is passed on; what it says is only checked.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { cutAudioSegment, cutVideoSegment, type SegmentParts } from '../../media/cmaf/cut-segment.ts'
import { writeAudioInit, writeVideoInit } from '../../media/cmaf/write-init.ts'
import { silentAacFrame } from '../../media/codecs/aac.ts'
import { formatAvcCodec } from '../../media/codecs/avc.ts'
import { joinAvcConfigs } from '../../media/codecs/join-avc.ts'
import type { ByteSource, MovieTrack, SampleTable } from '../../media/isobmff/movie.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { readAvcConfigBox, replaceAvcConfig } from '../../media/isobmff/replace-config.ts'
import { avc1Entry, mp4aEntry } from '../../media/isobmff/write-boxes.ts'
import type { AudioRendition, Plan, VideoRendition } from '../planning/index.ts'

/** The header and the segments of a rendition; body ranges are bytes of the encoder's file. */
export type PackedChunk = {
  readonly init: Uint8Array
  /** RFC 6381. */
  readonly codec: string
  /** In order from the chunk's first segment; fewer than planned while the encoder still writes. */
  readonly segments: readonly SegmentParts[]
}

/** What the plan says of the pictures of a chunk; see `chunk-input.ts`. */
export type PlannedPictures = {
  readonly plan: Plan
  readonly rendition: VideoRendition
  readonly firstSegment: number
  readonly times: Float64Array
  readonly starts: readonly number[]
  /** Pictures stand in for missing ones, so their distances say nothing. Default false. */
  readonly anySpacing?: boolean
}

/**
 * Packs a picture chunk. `whole` = the encoder has ended, and every picture must be there; else the segments that are
 * complete so far. Throws `decoder_failed` when the encoder made something else than was asked for.
 */
export async function packPictures(
  file: ByteSource,
  planned: PlannedPictures,
  whole: boolean,
): Promise<PackedChunk | undefined> {
  const track = await readTrack(file)
  const config = track?.entries[0]?.config
  if (track === undefined || config === null || config === undefined) {
    if (whole) throw unexpected(planned.rendition, 'there is no picture track')
    return undefined
  }
  const { rendition, plan, starts } = planned
  const { samples } = track
  const total = starts.at(-1) ?? 0
  if (whole && samples.count !== total) {
    const reason = samples.count < total ? 'short' : 'unexpected'
    throw unexpected(rendition, `${total} pictures were planned, ${samples.count} came`, reason)
  }
  const segments: SegmentParts[] = []
  for (let index = 0; index + 1 < starts.length; index += 1) {
    const range = { start: starts[index] ?? 0, end: starts[index + 1] ?? 0 }
    if (range.end > samples.count) break
    const endByte = endOf(samples, range.end - 1)
    if (endByte > file.sizeBytes) {
      if (whole)
        throw unexpected(rendition, `picture ${range.end - 1} ends at byte ${endByte} of ${file.sizeBytes}`)
      break
    }
    segments.push(cutVideoSegment({ ...placePictures(track, planned, range), ...ticksOf(planned, index) }))
  }
  const { width, height, editStartTicks } = rendition
  const { sampleEntry, avcC } = describeCoding(rendition, config)
  const init = writeVideoInit({ timescale: plan.timescale, sampleEntry, width, height, editStartTicks })
  return { init, codec: formatAvcCodec('avc1', avcC), segments }
}

/** The sample entry of a rendition whose encoder wrote `config`. */
function describeCoding(
  { width, height, joined }: VideoRendition,
  config: Uint8Array,
): { sampleEntry: Uint8Array; avcC: Uint8Array } {
  if (joined === undefined) return { sampleEntry: avc1Entry({ avcC: config, width, height }), avcC: config }
  const shared = Buffer.from(joined.sampleEntry, 'hex')
  const avcC = joinAvcConfigs(readAvcConfigBox(shared), config)
  return { sampleEntry: replaceAvcConfig(shared, avcC), avcC }
}

/** A file that is still being written may end anywhere. */
async function readTrack(file: ByteSource): Promise<MovieTrack | undefined> {
  try {
    return (await readMovie(file)).tracks[0]
  } catch (error) {
    if (error instanceof HeadwaterError && error.kind === 'media') return undefined
    throw error
  }
}

function endOf(samples: SampleTable, sample: number): number {
  return (samples.offsets[sample] ?? 0) + (samples.sizes[sample] ?? 0)
}

function ticksOf(planned: PlannedPictures, index: number) {
  const segment = planned.firstSegment + index
  return {
    startTicks: planned.plan.cuts[segment] ?? 0,
    endTicks: planned.plan.cuts[segment + 1] ?? 0,
    editStartTicks: planned.rendition.editStartTicks,
    sequence: segment + 1,
  }
}

/**
 * Gives the samples of a segment their plan times by their order of showing, after checking that the segment is closed
 * and that each picture lies as far from the one before as it does in the plan: a slip of one picture would show here
 * where rates vary, and a lost one everywhere.
 */
function placePictures(
  track: MovieTrack,
  planned: PlannedPictures,
  range: { start: number; end: number },
): { samples: SampleTable; range: { start: number; end: number }; times: Float64Array } {
  const { samples } = track
  const { rendition, plan } = planned
  if (samples.sync[range.start] !== 1) {
    throw unexpected(
      rendition,
      `picture ${range.start} of the chunk should begin a segment, but is no key frame`,
    )
  }
  const shown = (sample: number): number =>
    (samples.decodeTimes[sample] ?? 0) + (samples.compositionOffsets[sample] ?? 0)
  const order = Array.from({ length: range.end - range.start }, (_, index) => range.start + index)
  order.sort((left, right) => shown(left) - shown(right))
  const times = new Float64Array(order.length)
  // Half a tick of the coarser of both clocks, and a little.
  const tolerance = 0.51 / track.timescale + 0.51 / plan.timescale
  for (const [rank, sample] of order.entries()) {
    const place = range.start + rank
    times[sample - range.start] = planned.times[place] ?? 0
    const before = order[rank - 1]
    // The film's first picture may have been stretched to begin at 0 (rule 4).
    if (before === undefined || place <= 1 || planned.anySpacing === true) continue
    const came = (shown(sample) - shown(before)) / track.timescale
    const due = ((planned.times[place] ?? 0) - (planned.times[place - 1] ?? 0)) / plan.timescale
    if (Math.abs(came - due) > tolerance) {
      throw unexpected(
        rendition,
        `picture ${place} of the chunk came ${came} s after the one before, planned were ${due} s`,
        'uneven',
      )
    }
  }
  return { samples, range, times }
}

function unexpected(rendition: { id: string }, what: string, reason = 'unexpected'): HeadwaterError {
  return new HeadwaterError(
    'decoder_failed',
    `The encoder made something else than was asked for in ${rendition.id}: ${what}.`,
    { facts: { rendition: rendition.id, reason } },
  )
}

/** The frames in the encoder's file of sound. */
export async function readFrames(file: ByteSource): Promise<SampleTable> {
  return (await readTrack(file))?.samples ?? NO_SAMPLES
}

/** Segments `[firstSegment, endSegment)` of a sound rendition. `frames` null = silence. */
export function packSound(
  frames: SampleTable | null,
  options: { rendition: AudioRendition; firstSegment: number; endSegment: number; framesToDrop: number },
): PackedChunk {
  const { rendition, firstSegment, endSegment, framesToDrop } = options
  const firstFrame = rendition.cuts[firstSegment] ?? 0
  const endFrame = rendition.cuts[endSegment] ?? firstFrame
  if (frames !== null && frames.count < framesToDrop + endFrame - firstFrame) {
    throw unexpected(
      rendition,
      `${endFrame - firstFrame} frames of sound were planned after ${framesToDrop}, ${frames.count} came in all`,
    )
  }
  const segments: SegmentParts[] = []
  for (let segment = firstSegment; segment < endSegment; segment += 1) {
    segments.push(
      cutAudioSegment({
        samples: frames ?? NO_SAMPLES,
        firstFrame: rendition.cuts[segment] ?? 0,
        endFrame: rendition.cuts[segment + 1] ?? 0,
        // Frame `firstFrame` of the plan is the output's frame `framesToDrop`.
        dropped: framesToDrop - firstFrame,
        silenceBefore: 0,
        silentFrame: silentAacFrame(rendition.channels === 1 ? 1 : 2),
        frameSamples: rendition.frameSamples,
        sequence: segment + 1,
      }),
    )
  }
  return { init: writeSoundInit(rendition), codec: rendition.codec, segments }
}

/** The init segment of encoded sound: the same whatever its chunks hold. */
export function writeSoundInit(rendition: AudioRendition): Uint8Array {
  const channels = rendition.channels === 1 ? 1 : 2
  return writeAudioInit({
    timescale: rendition.sampleRate,
    sampleEntry: mp4aEntry({
      asc: AAC_LC_48K[channels],
      channels,
      sampleRate: rendition.sampleRate,
      bitrate: rendition.bitrateBps,
    }),
    editStartSamples: rendition.editStartSamples,
  })
}

/** AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): AAC-LC, 48 kHz, so many channels; the same whatever is in the chunk. */
const AAC_LC_48K: Readonly<Record<1 | 2, Uint8Array>> = {
  1: Uint8Array.of(0x11, 0x88),
  2: Uint8Array.of(0x11, 0x90),
}

const NO_SAMPLES: SampleTable = {
  count: 0,
  offsets: new Float64Array(),
  sizes: new Uint32Array(),
  decodeTimes: new Float64Array(),
  compositionOffsets: new Int32Array(),
  sync: new Uint8Array(),
  endTime: 0,
}
