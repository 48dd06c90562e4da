/**
 * A stretch of a video as a file of its own, without encoding: whole pictures from the sync picture on that it needs, and an
 * edit list that begins with the first one shown, so that the start is exact to the frame. The index stands first.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { secondsToTicks } from '../../lib/ticks.ts'
import type { MovieTrack, SampleTable } from '../../media/isobmff/movie.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { allocateSamples } from '../../media/isobmff/sample-table.ts'
import { type FileTrack, writeMovieHead } from '../../media/isobmff/write-movie.ts'
import { type BlobSource, type Body, bodyOf, BodyReader, sliceBody } from './body.ts'

/** Where the bytes of a track around a clip are: an init segment, and the segments that the clip touches. */
export type ClipTrack = {
  /** The init segment and the segments, back to back. */
  readonly body: Body
  /** Begin and end of what is shown, in seconds of the track's presentation. */
  readonly startSeconds: number
  readonly endSeconds: number
}

/** Samples of a track that lie together. */
type Chunk = {
  readonly track: number
  readonly firstSample: number
  readonly seconds: number
  readonly start: number
  readonly end: number
}

/** Lays the file out; its payload is read from where it is. Throws `bad_request` where nothing lies in the stretch. */
export async function layoutClip(blobs: BlobSource, tracks: readonly ClipTrack[]): Promise<Body> {
  const found = await Promise.all(
    tracks.map(async (track) => chooseSamples(await readTrack(blobs, track.body), track)),
  )
  const chunks = found
    .flatMap(({ samples, timescale }, number) => chunksOf(samples, timescale, number))
    .sort((a, b) => a.seconds - b.seconds || b.track - a.track)
  const positions: number[] = []
  let payloadBytes = 0
  for (const { start, end } of chunks) {
    positions.push(payloadBytes)
    payloadBytes += end - start
  }
  const head = writeMovieHead({
    brands: ['isom', 'isom', 'iso2', 'avc1', 'mp41'],
    payloadBytes,
    tracks: found.map((track, number) => {
      const own = [...chunks.keys()].filter((chunk) => chunks[chunk]?.track === number)
      return {
        ...track,
        chunks: {
          firstSamples: Uint32Array.from(own, (chunk) => chunks[chunk]?.firstSample ?? 0),
          positions: Float64Array.from(own, (chunk) => positions[chunk] ?? 0),
        },
      }
    }),
  })
  const payload = chunks.flatMap(({ track, start, end }) => {
    const body = tracks[track]?.body
    return body === undefined ? [] : sliceBody(body, { start, end }).parts
  })
  return bodyOf([head, ...payload])
}

/** Reads the heads of a body of fragments as one file. */
async function readTrack(blobs: BlobSource, body: Body): Promise<MovieTrack> {
  const movie = await readMovie({
    sizeBytes: body.sizeBytes,
    read: async (target, position) => {
      const reader = new BodyReader(
        blobs,
        sliceBody(body, { start: position, end: position + target.byteLength }),
      )
      try {
        return await reader.read(target)
      } finally {
        await reader.close()
      }
    },
  })
  const [track] = movie.tracks
  if (track === undefined) throw empty()
  return track
}

type Chosen = Omit<FileTrack, 'chunks'>

/** From the sync sample before the first one shown to the last one shown; times begin at 0. */
function chooseSamples(track: MovieTrack, { startSeconds, endSeconds }: ClipTrack): Chosen {
  const { samples, timescale, kind, entries } = track
  const [entry] = entries
  if (entry === undefined || kind === 'other') throw empty()
  // What the track's own edit list takes off is not part of its presentation.
  const origin = track.edits[0]?.mediaTime ?? 0
  const start = origin + secondsToTicks(startSeconds, timescale)
  const end = origin + secondsToTicks(endSeconds, timescale)
  const shown = (index: number) =>
    (samples.decodeTimes[index] ?? 0) + (samples.compositionOffsets[index] ?? 0)
  // A picture is on the screen until the next one: the first is the one that is there at the start.
  let first = -1
  let last = -1
  for (let index = 0; index < samples.count; index += 1) {
    if (shown(index) <= start && (first < 0 || shown(index) > shown(first))) first = index
    if (shown(index) < end) last = index
  }
  if (first < 0) first = 0
  if (last < first) throw empty()
  const begin = syncBefore(samples, first, kind)
  const chosen = cutSamples(samples, begin, last + 1)
  const base = samples.decodeTimes[begin] ?? 0
  const least = chosen.compositionOffsets.reduce((least, offset) => Math.min(least, offset), 0)
  // Composition offsets of plain files are not negative; the edit list takes off what is added.
  for (let index = 0; index < chosen.count; index += 1) {
    chosen.compositionOffsets[index] = (chosen.compositionOffsets[index] ?? 0) - least
  }
  const from = kind === 'video' ? shown(first) : Math.max(start, shown(first))
  return {
    kind,
    timescale,
    sampleEntry: entry.box,
    width: entry.video?.width ?? 0,
    height: entry.video?.height ?? 0,
    editStartTicks: from - base - least,
    shownTicks: Math.max(1, Math.min(end, samples.endTime) - from),
    samples: chosen,
  }
}

/** Where decoding begins. Sound needs the frame before to be heard right. */
function syncBefore(samples: SampleTable, index: number, kind: 'video' | 'audio'): number {
  if (kind === 'audio') return Math.max(0, index - 1)
  let sync = index
  while (sync > 0 && samples.sync[sync] !== 1) sync -= 1
  return sync
}

function cutSamples(samples: SampleTable, begin: number, end: number) {
  const cut = allocateSamples(end - begin)
  const base = samples.decodeTimes[begin] ?? 0
  cut.offsets.set(samples.offsets.subarray(begin, end))
  cut.sizes.set(samples.sizes.subarray(begin, end))
  cut.decodeTimes.set(samples.decodeTimes.subarray(begin, end).map((time) => time - base))
  cut.compositionOffsets.set(samples.compositionOffsets.subarray(begin, end))
  cut.sync.set(samples.sync.subarray(begin, end))
  cut.endTime = (samples.decodeTimes[end] ?? samples.endTime) - base
  return cut
}

/** Runs of samples without a gap between them, a second long at most, so that players find both tracks together. */
function chunksOf(samples: SampleTable, timescale: number, track: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let first = 0; first < samples.count; ) {
    const start = samples.offsets[first] ?? 0
    const time = samples.decodeTimes[first] ?? 0
    let end = start
    let next = first
    while (next < samples.count && samples.offsets[next] === end) {
      if ((samples.decodeTimes[next] ?? 0) - time >= timescale) break
      end += samples.sizes[next] ?? 0
      next += 1
    }
    chunks.push({ track, firstSample: first, seconds: time / timescale, start, end })
    first = next
  }
  return chunks
}

function empty(): HeadwaterError {
  return new HeadwaterError('bad_request', 'Nothing lies in this stretch of the broadcast.')
}
