/** What is handed to the decoder for a chunk: a slice of the indexed source through a pipe, or the file and a place in it. */

import type { ByteRange } from '../../lib/byte-range.ts'
import { assert } from '../../lib/failure.ts'
import { type Slice, type SliceParts, sliceSource } from '../../media/cmaf/slice-source.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import { presentationOf } from '../../media/isobmff/presentation.ts'
import type { BlobName, Blobs, DecoderInput } from '../../ports.ts'
import { type Plan, gridTicks, reduce, gridFrames, startTicksOf } from '../planning/index.ts'
import type { OwnPictures, SourceIndex } from '../timeline/index.ts'
import { shortRead } from './read-blob.ts'
import type { PictureFrames, PictureInput } from './picture-args.ts'

/** Pictures before and after a chunk that the grid may look at. */
const PICTURE_MARGIN_SECONDS = 0.5
/** Decoders of sound need up to ten frames of past. */
const SOUND_MARGIN_SECONDS = 0.5
/** A seek lands at a key frame before the place; where the container has no list of them, somewhere near it. */
const SEEK_MARGIN_SECONDS: Readonly<Record<string, number>> = { matroska: 1, avi: 1, mov: 1, flv: 1 }
const VAGUE_SEEK_MARGIN_SECONDS = 15
const READ_BYTES = 1024 * 1024

/** Segments `[firstSegment, endSegment)`. */
export type SegmentRange = { readonly firstSegment: number; readonly endSegment: number }

/** Pictures of some segments as they are to be made. */
export type ChunkPictures = {
  readonly input: DecoderInput
  readonly args: PictureInput
  readonly frames: PictureFrames
  /** The same number of pictures where some cannot be decoded: evenly spaced, each the nearest there is. */
  readonly filled: Filled
  /** The same number of black ones, where none can be decoded. */
  readonly black: Filled
  /** Plan time of every picture of the chunk, ascending. */
  readonly times: Float64Array
  /** Picture, counted from the chunk's first, at which each segment begins, and the end. */
  readonly starts: readonly number[]
}

/** Pictures that do not come from where they should; `input` where it is another one than that of the chunk. */
export type Filled = {
  readonly input?: DecoderInput
  readonly args: PictureInput
  readonly frames: PictureFrames & { readonly kind: 'grid' }
}

/** A slice is a file of its own with one picture track, and is read from its start. */
const SLICE: PictureInput = { demuxer: 'mov', stream: 0, seekSeconds: null }

/** The pictures of `range`. `index` null = the decoder reads the file itself. */
export function choosePictures(
  blobs: Blobs,
  plan: Plan,
  mediaBlob: BlobName,
  index: SourceIndex | null,
  range: SegmentRange,
): ChunkPictures {
  if (plan.frames.kind === 'source') {
    assert(index !== null && index.own !== null, 'Passthrough needs an index.')
    return sourcePictures(blobs, plan, mediaBlob, index.picture, index.own, range)
  }
  return gridPictures(blobs, plan, plan.frames, mediaBlob, index?.picture ?? null, range)
}

/** Beside a passthrough: exactly the samples of its segments; of those in which a clip begins or ends only what it shows. */
function sourcePictures(
  blobs: Blobs,
  plan: Plan,
  mediaBlob: BlobName,
  track: MovieTrack,
  own: OwnPictures,
  range: SegmentRange,
): ChunkPictures {
  const starts = own.segmentSamples.subarray(range.firstSegment, range.endSegment + 1)
  const start = starts[0] ?? 0
  const end = starts.at(-1) ?? start
  const all = Float64Array.from({ length: end - start }, (_, index) => own.times.at(start + index))
  const times = all.filter((time) => Number.isFinite(time)).sort()
  const shownBefore = (sample: number): number =>
    all.subarray(0, sample - start).reduce((count, time) => count + (Number.isFinite(time) ? 1 : 0), 0)
  const slice = sliceSource({ track, range: { start, end } })
  const frames = evenly(times, startTicksOf(plan) + slice.shiftTicks, track)
  return {
    input: piped(blobs, mediaBlob, slice),
    args: SLICE,
    frames: {
      kind: 'source',
      timescale: track.timescale,
      skip: all.reduce((count, time) => count + (time < 0 ? 1 : 0), 0),
    },
    filled: { args: SLICE, frames },
    black: black(frames),
    times,
    starts: Array.from(starts, shownBefore),
  }
}

/** As many pictures as `times`, from the first to the last; `shiftTicks` lead to the decoder's time. */
function evenly(times: Float64Array, shiftTicks: number, track: MovieTrack): Filled['frames'] {
  const first = times[0] ?? 0
  const span = Math.max(1, (times.at(-1) ?? 0) - first)
  return {
    kind: 'grid',
    early: true,
    rate: reduce({ num: Math.max(1, times.length - 1) * track.timescale, den: span }),
    startUs: Math.round(((first + shiftTicks) * 1e6) / track.timescale),
    timescale: track.timescale,
  }
}

function gridPictures(
  blobs: Blobs,
  plan: Plan,
  frames: Plan['frames'] & { kind: 'grid' },
  mediaBlob: BlobName,
  track: MovieTrack | null,
  range: SegmentRange,
): ChunkPictures {
  const { rate } = frames
  const bounds = gridFrames(plan.cuts, frames, plan.timescale).slice(range.firstSegment, range.endSegment + 1)
  const first = bounds[0] ?? 0
  const end = bounds.at(-1) ?? first
  // On the grid of the whole film, of which a clip shows a part.
  const before = Math.round((startTicksOf(plan) * rate.num) / (rate.den * plan.timescale))
  const seconds = (frame: number): number => ((before + frame) * rate.den) / rate.num
  const common = {
    times: Float64Array.from({ length: end - first }, (_, index) =>
      gridTicks(first + index, rate, plan.timescale),
    ),
    starts: bounds.map((frame) => frame - first),
  }
  if (track === null) {
    const startUs = plan.originUs + Math.round(seconds(first) * 1e6)
    const file = { demuxer: plan.demuxer, stream: plan.picture.track }
    const frames = { kind: 'grid', rate, startUs } as const
    return {
      ...common,
      input: { from: 'blob', name: mediaBlob },
      args: { ...file, seekSeconds: seekTo(plan, seconds(first)) },
      frames,
      // Where times jump, a seek may land behind the last key frame, with nothing that could be decoded any more.
      filled: { args: { ...file, seekSeconds: null }, frames: { ...frames, early: true } },
      black: black(frames),
    }
  }
  const phase = gridPhase(track, rate.num / rate.den)
  const from = (seconds(first) + phase - PICTURE_MARGIN_SECONDS) * track.timescale
  const to = (seconds(end) + phase + PICTURE_MARGIN_SECONDS) * track.timescale
  const slice = sliceSource({ track, range: samplesBetween(track, from, to) })
  const startUs = Math.round((seconds(first) + phase + slice.shiftTicks / track.timescale) * 1e6)
  const grid = { kind: 'grid', rate, startUs } as const
  return {
    ...common,
    input: piped(blobs, mediaBlob, slice),
    args: SLICE,
    frames: grid,
    filled: { args: SLICE, frames: { ...grid, early: true } },
    black: black(grid),
  }
}

/** Black at the places of `frames`: one small picture, which is shown for as long as it is wanted. */
function black(frames: Filled['frames']): Filled {
  return {
    input: { from: 'pipe', bytes: once(BLACK) },
    args: { demuxer: 'png_pipe', stream: 0, seekSeconds: null },
    frames: { ...frames, startUs: 0, black: true },
  }
}

/** A PNG of 2 × 2 black points. */
const BLACK = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAAC0lEQVR4nGNgAAEAAAYAAf6MZ8gAAAAASUVORK5CYII=',
  'base64',
)

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/**
 * How far the source's own even pictures lie off the grid, in seconds, at most half a picture: without it a phase near
 * one half would round up and down in turn.
 */
function gridPhase(track: MovieTrack, framesPerSecond: number): number {
  const at = presentationOf(track)
  let first = Number.POSITIVE_INFINITY
  for (let sample = 0; sample < track.samples.count; sample += 1) {
    const time = at(sample)
    if (time >= 0 && time < first) first = time
  }
  if (!Number.isFinite(first)) return 0
  const place = (first / track.timescale) * framesPerSecond
  return (place - Math.round(place)) / framesPerSecond
}

/** Decode-order samples from the last sync sample shown at or before `from` to the last one shown before `to`. */
function samplesBetween(track: MovieTrack, from: number, to: number): { start: number; end: number } {
  const { count, sync } = track.samples
  const at = presentationOf(track)
  let start = 0
  let end = 1
  for (let sample = 0; sample < count; sample += 1) {
    const time = at(sample)
    if (sync[sample] === 1 && time <= from) start = sample
    if (time < to) end = sample + 1
  }
  return { start, end: Math.max(end, start + 1) }
}

/** Sound of a stretch of the plan's time as the decoder gets it; null where the source has none there. */
export function chooseSound(
  blobs: Blobs,
  plan: Plan,
  mediaBlob: BlobName,
  index: SourceIndex | null,
  seconds: { readonly start: number; readonly end: number },
): ChosenSound | null {
  const before = startTicksOf(plan) / plan.timescale
  const stretch = { start: seconds.start + before, end: seconds.end + before }
  const chosen = chooseMediaSound(blobs, plan, mediaBlob, index, stretch)
  return chosen && { ...chosen, originUs: chosen.originUs + Math.round(before * 1e6) }
}

/** Sound for the decoder, and where time 0 lies in its time. */
export type ChosenSound = {
  readonly input: DecoderInput
  readonly demuxer: string
  readonly stream: number
  readonly seekSeconds: number | null
  readonly originUs: number
}

/** The same by the media's own time, which is that of the plan but for clips. */
export function chooseMediaSound(
  blobs: Blobs,
  plan: Plan,
  mediaBlob: BlobName,
  index: SourceIndex | null,
  seconds: { readonly start: number; readonly end: number },
): ChosenSound | null {
  if (index === null) {
    return {
      input: { from: 'blob', name: mediaBlob },
      demuxer: plan.demuxer,
      stream: plan.sound?.track ?? 0,
      seekSeconds: seekTo(plan, seconds.start),
      originUs: plan.originUs,
    }
  }
  const track = index.sound
  if (track === null) return null
  const at = presentationOf(track)
  const from = (seconds.start - SOUND_MARGIN_SECONDS) * track.timescale
  const to = (seconds.end + SOUND_MARGIN_SECONDS) * track.timescale
  if (at(track.samples.count - 1) < from || at(0) >= to) return null
  const slice = sliceSource({ track, range: samplesBetween(track, from, to) })
  return {
    input: piped(blobs, mediaBlob, slice),
    demuxer: 'mov',
    stream: 0,
    seekSeconds: null,
    originUs: Math.round((slice.shiftTicks * 1e6) / track.timescale),
  }
}

function seekTo(plan: Plan, startSeconds: number): number | null {
  const margin = SEEK_MARGIN_SECONDS[plan.demuxer] ?? VAGUE_SEEK_MARGIN_SECONDS
  return startSeconds <= margin ? null : plan.originUs / 1e6 + startSeconds - margin
}

function piped(blobs: Blobs, name: BlobName, slice: Slice): DecoderInput {
  return { from: 'pipe', bytes: readParts(blobs, name, slice.parts) }
}

/** The bytes of `parts`, ranges being those of blob `name`. Throws `blob_damaged` at a short read. */
export async function* readParts(
  blobs: Pick<Blobs, 'open'>,
  name: BlobName,
  parts: SliceParts,
): AsyncIterable<Uint8Array> {
  const reader = await blobs.open(name)
  try {
    for (const part of parts) {
      if (part instanceof Uint8Array) yield part
      else yield* readRange(reader, name, part)
    }
  } finally {
    await reader.close()
  }
}

async function* readRange(
  reader: { read(target: Uint8Array, position: number): Promise<number> },
  name: BlobName,
  range: ByteRange,
): AsyncIterable<Uint8Array> {
  for (let position = range.start; position < range.end; ) {
    const buffer = new Uint8Array(Math.min(READ_BYTES, range.end - position))
    const got = await reader.read(buffer, position)
    if (got < buffer.byteLength) throw shortRead(name, buffer.byteLength, got)
    yield buffer
    position += got
  }
}
