/**
 * Runs in the work thread: from the heads of a video's segments to one plain MP4 file: its head, and which bytes of
 * which blobs follow it in which order. Every sample keeps the times it plays with (rule 24 of
 * docs/packaging.md). Nothing is decoded, and no payload is read.
 */

import { assert } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { readIndex } from '../../media/isobmff/index-format.ts'
import type { ByteSource, MovieTrack } from '../../media/isobmff/movie.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { concatBytes } from '../../media/isobmff/write-boxes.ts'
import { type FileTrack, writeMovieHead } from '../../media/isobmff/write-movie.ts'
import type { Plan } from '../planning/index.ts'
import { cutOwnSegment, writeOwnInit } from '../playback/index.ts'
import { describeIndex, type SourceIndex } from '../timeline/index.ts'
import type { StoredParts, TrackParts } from './file-parts.ts'
import { type Piece, slicePieces, SparseBytes } from './file-pieces.ts'

export type LayoutQuestion = { readonly plan: Plan; readonly tracks: readonly TrackParts[] }

/** A file that is only to be copied together. */
export type FileLayout = {
  /** Everything before the payload. */
  readonly head: Uint8Array<ArrayBuffer>
  /** The payload: number of a blob (−1: `literals`), start and end, three numbers a piece. */
  readonly pieces: Float64Array<ArrayBuffer>
  /** Silent frames that stand in for sound the source has not. */
  readonly literals: Uint8Array<ArrayBuffer>
  /** Head and payload. */
  readonly sizeBytes: number
}

/** Rule 26: whoever plays the file while it arrives needs no second place of it. */
const TURN_SECONDS = 1

/** A segment as it is taken apart. */
type Segment = {
  readonly head: Uint8Array
  readonly payload: readonly Piece[]
  readonly payloadBytes: number
}

/** Samples of one track that lie together in the file. */
type Chunk = {
  readonly track: number
  readonly firstSample: number
  /** Decode time. */
  readonly seconds: number
  readonly pieces: readonly Piece[]
  readonly sizeBytes: number
}

/** Lays the file out. `index`: the bytes of the source's index, read only where a track is passed through. */
export async function layoutFile({ plan, tracks }: LayoutQuestion, index: ByteSource): Promise<FileLayout> {
  const passed = tracks.some(({ stored }) => stored === null || stored.headBytes.includes(0))
  const source = passed ? describeIndex(await readIndex(index), plan, index.sizeBytes) : null
  const literals = new Literals()
  const found: MovieTrack[] = []
  const chunks: Chunk[] = []
  for (const [number, parts] of tracks.entries()) {
    const { init, segments } =
      parts.stored === null
        ? cutTrack(parts, plan, source, literals)
        : takeStored(parts.stored, (number) => cutSegment(parts, plan, source, literals, number))
    const track = await readSamples(init, segments)
    found.push(track)
    chunks.push(...chunksOf(number, track, init.byteLength, segments))
  }
  // What begins at the same time: the sound first, since it is small and players want both.
  chunks.sort((left, right) => left.seconds - right.seconds || right.track - left.track)
  const { pieces, positions, payloadBytes } = placeChunks(chunks)
  const head = writeMovieHead({
    brands: tracks.some(({ kind }) => kind === 'video') ? VIDEO_BRANDS : SOUND_BRANDS,
    payloadBytes,
    tracks: found.map((track, number) => {
      const own = [...chunks.keys()].filter((chunk) => chunks[chunk]?.track === number)
      return {
        ...describeTrack(track, plan, tracks[number]?.id),
        chunks: {
          firstSamples: Uint32Array.from(own, (chunk) => chunks[chunk]?.firstSample ?? 0),
          positions: Float64Array.from(own, (chunk) => positions[chunk] ?? 0),
        },
      }
    }),
  })
  return { head, pieces, literals: literals.bytes(), sizeBytes: head.byteLength + payloadBytes }
}

const VIDEO_BRANDS = ['isom', 'isom', 'iso2', 'avc1', 'mp41'] as const
/** Players of music look for the first one. */
const SOUND_BRANDS = ['M4A ', 'M4A ', 'mp42', 'isom'] as const

/** An encoded track; `cut` makes the segments that were not. */
function takeStored(
  stored: StoredParts,
  cut: (number: number) => Segment,
): { init: Uint8Array; segments: Segment[] } {
  let position = 0
  const segments = Array.from(stored.headBytes, (headBytes, number) => {
    if (headBytes === 0) return cut(number)
    const head = stored.heads.subarray(position, position + headBytes)
    position += headBytes
    const start = stored.starts[number] ?? 0
    const end = stored.ends[number] ?? start
    return { head, payload: [{ blob: stored.blobs[number] ?? 0, start, end }], payloadBytes: end - start }
  })
  return { init: stored.init, segments }
}

/** A passthrough track, cut as it is for players. */
function cutTrack(
  parts: TrackParts,
  plan: Plan,
  source: SourceIndex | null,
  literals: Literals,
): { init: Uint8Array; segments: Segment[] } {
  assert(source !== null, 'a passthrough track needs an index')
  const segments = Array.from({ length: parts.segmentCount }, (_, number) =>
    cutSegment(parts, plan, source, literals, number),
  )
  return { init: writeOwnInit(source, plan, parts.kind), segments }
}

/** A segment cut from the source; the media blob is number 0. */
function cutSegment(
  { id, kind }: TrackParts,
  plan: Plan,
  source: SourceIndex | null,
  literals: Literals,
  number: number,
): Segment {
  assert(source !== null, 'a passthrough track needs an index')
  const { head, body, sizeBytes } = cutOwnSegment(source, plan, { id, kind }, number)
  const payload = body.map((part) => (part instanceof Uint8Array ? literals.add(part) : { blob: 0, ...part }))
  return { head, payload, payloadBytes: sizeBytes - head.byteLength }
}

/** Reads a track back from its init segment and the heads, as if all of it lay in one file. */
async function readSamples(init: Uint8Array, segments: readonly Segment[]): Promise<MovieTrack> {
  const file = new SparseBytes()
  file.add(init, 0)
  for (const { head, payloadBytes } of segments) file.add(head, payloadBytes)
  const [track] = (await readMovie(file)).tracks
  assert(track !== undefined && track.samples.count > 0, 'the segments of a track have no samples')
  return track
}

/** The chunks of a track: within a segment, and not longer than a turn. */
function chunksOf(
  number: number,
  { samples, timescale }: MovieTrack,
  initBytes: number,
  segments: readonly Segment[],
): Chunk[] {
  const chunks: Chunk[] = []
  let sample = 0
  let segmentStart = initBytes
  for (const { head, payload, payloadBytes } of segments) {
    const payloadStart = segmentStart + head.byteLength
    segmentStart = payloadStart + payloadBytes
    while (sample < samples.count && (samples.offsets[sample] ?? 0) < segmentStart) {
      const firstSample = sample
      const ticks = samples.decodeTimes[sample] ?? 0
      const start = (samples.offsets[sample] ?? 0) - payloadStart
      let end = start
      while (sample < samples.count && (samples.offsets[sample] ?? 0) < segmentStart) {
        if ((samples.decodeTimes[sample] ?? 0) - ticks >= TURN_SECONDS * timescale) break
        end += samples.sizes[sample] ?? 0
        sample += 1
      }
      chunks.push({
        track: number,
        firstSample,
        seconds: ticks / timescale,
        pieces: slicePieces(payload, start, end),
        sizeBytes: end - start,
      })
    }
  }
  return chunks
}

/** The pieces of all chunks, those that touch joined, and where each chunk begins. */
function placeChunks(chunks: readonly Chunk[]): {
  pieces: Float64Array<ArrayBuffer>
  positions: Float64Array
  payloadBytes: number
} {
  const pieces: number[] = []
  const positions = new Float64Array(chunks.length)
  let position = 0
  for (const [number, chunk] of chunks.entries()) {
    positions[number] = position
    position += chunk.sizeBytes
    for (const { blob, start, end } of chunk.pieces) {
      const last = pieces.length - 3
      if (last >= 0 && pieces[last] === blob && pieces[last + 2] === start) pieces[last + 2] = end
      else pieces.push(blob, start, end)
    }
  }
  return { pieces: Float64Array.from(pieces), positions, payloadBytes: position }
}

/** Rule 25: sound goes on to the end of its last frame, which may lie after the picture's; nothing of that is shown. */
function describeTrack(
  { kind, timescale, samples, entries, edits }: MovieTrack,
  plan: Plan,
  rendition: string | undefined,
): Omit<FileTrack, 'chunks'> {
  const [entry] = entries
  assert(entry !== undefined && kind !== 'other', 'an init segment describes neither picture nor sound')
  const editStartTicks = edits[0]?.mediaTime ?? 0
  const common = { kind, timescale, sampleEntry: entry.box, editStartTicks, samples }
  const picture = plan.video.find(({ id }) => id === rendition)
  if (picture !== undefined) {
    return { ...common, width: picture.width, height: picture.height, shownTicks: samples.endTime }
  }
  const pictureEnds = scaleTicks(plan.cuts.at(-1) ?? 0, timescale, plan.timescale)
  return {
    ...common,
    width: 0,
    height: 0,
    shownTicks: Math.min(samples.endTime - editStartTicks, pictureEnds),
  }
}

/** Bytes that lie in no blob, one after another. */
class Literals {
  readonly #parts: Uint8Array[] = []
  #length = 0

  add(bytes: Uint8Array): Piece {
    const start = this.#length
    this.#parts.push(bytes)
    this.#length += bytes.byteLength
    return { blob: LITERALS, start, end: this.#length }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return concatBytes(this.#parts)
  }
}

/** The number that stands for `literals` instead of a blob. */
export const LITERALS = -1
