/** What a file to download is made of: the tracks of its video, as segments whose heads tell their samples. */

import { concatBytes } from '../../media/isobmff/write-boxes.ts'
import { restampHead } from '../../media/cmaf/restamp-head.ts'
import { findPayload, USUAL_HEAD_BYTES } from '../../media/cmaf/segment-head.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName, BlobReader, Blobs } from '../../ports.ts'
import type { Plan } from '../planning/index.ts'
import type { SegmentSource, Timeline, Track } from '../timeline/index.ts'
import type { DownloadType } from './download.ts'

/** A track to be written into the file. */
export type TrackParts = {
  readonly id: string
  readonly kind: Track['kind']
  readonly segmentCount: number
  /** null: passed through, so all of it is cut from the source by its index. */
  readonly stored: StoredParts | null
}

/** Segments that were encoded; those that are cut from the source all the same, between the edges of a clip, have empty heads. */
export type StoredParts = {
  readonly init: Uint8Array
  /** Everything of each segment before its payload, back to back. */
  readonly heads: Uint8Array
  /** Length of each of these. */
  readonly headBytes: Uint32Array
  /** Of each segment: number of its blob in `FileParts.blobs`, and where its payload lies in that. */
  readonly blobs: Uint32Array
  readonly starts: Float64Array
  readonly ends: Float64Array
}

export type FileParts = {
  /** Picture first. */
  readonly tracks: readonly TrackParts[]
  /** The first is the media blob. */
  readonly blobs: readonly BlobName[]
}

/**
 * The tracks of the file: the best picture that stays offered, and the sound that is heard unless another is chosen; the
 * sound alone for `audio`. Undefined as long as some of it is still to be encoded.
 */
export function chooseTracks(timeline: Timeline, plan: Plan, type: DownloadType): Track[] | undefined {
  const staying = plan.video.filter(({ made, kept }) => made !== 'passthrough' || kept)
  const picture = (staying.length > 0 ? staying : plan.video).at(-1)
  const tracks = timeline.tracks.filter(({ id, kind, audio }) =>
    kind === 'video' ? type === 'default' && id === picture?.id : audio?.isDefault,
  )
  return tracks.every(isWhole) ? tracks : undefined
}

function isWhole(track: Track): boolean {
  return track.init.from !== 'encoder' && segmentsOf(track).every((segment) => segment.from !== 'encoder')
}

function segmentsOf(track: Track): SegmentSource[] {
  return Array.from({ length: track.starts.length - 1 }, (_, number) => track.segment(number))
}

/** Reads the heads of what is stored. Throws `blob_damaged`, `not_found` or the abort reason. */
export async function readFileParts(
  blobs: Pick<Blobs, 'open'>,
  timeline: Timeline,
  tracks: readonly Track[],
  signal: AbortSignal,
): Promise<FileParts> {
  const numbers = new Map<BlobName, number>([[timeline.mediaBlob, 0]])
  const parts: TrackParts[] = []
  for (const track of tracks) {
    const stored = track.init.from === 'stored' ? await readStored(blobs, track, numbers, signal) : null
    parts.push({ id: track.id, kind: track.kind, segmentCount: track.starts.length - 1, stored })
  }
  return { tracks: parts, blobs: [...numbers.keys()] }
}

async function readStored(
  blobs: Pick<Blobs, 'open'>,
  track: Track,
  numbers: Map<BlobName, number>,
  signal: AbortSignal,
): Promise<StoredParts> {
  const segments = segmentsOf(track)
  const heads: Uint8Array[] = []
  const reader = new OneBlob(blobs)
  try {
    const init = await reader.readWhole(track.init.from === 'stored' ? track.init.blob : '')
    for (const [number, segment] of segments.entries()) {
      signal.throwIfAborted()
      heads.push(
        segment.from === 'stored' ? await readSegmentHead(reader, segment, number) : new Uint8Array(),
      )
      if (segment.from === 'stored' && !numbers.has(segment.blob)) numbers.set(segment.blob, numbers.size)
    }
    const stored = segments.map((segment) => (segment.from === 'stored' ? segment : undefined))
    return {
      init,
      heads: concatBytes(heads),
      headBytes: Uint32Array.from(heads, (head) => head.byteLength),
      blobs: Uint32Array.from(stored, (one) => numbers.get(one?.blob ?? '') ?? 0),
      starts: Float64Array.from(stored, (one, at) => (one?.range.start ?? 0) + (heads[at]?.byteLength ?? 0)),
      ends: Float64Array.from(stored, (one) => one?.range.end ?? 0),
    }
  } finally {
    await reader.close()
  }
}

/** The head of a segment as it plays in this video, which may share it with another one. */
async function readSegmentHead(
  reader: OneBlob,
  { blob, range, shiftTicks }: Extract<SegmentSource, { from: 'stored' }>,
  number: number,
): Promise<Uint8Array> {
  const head = await readHead(reader, blob, range.start, range.end)
  return shiftTicks === 0 ? head : restampHead(head, { shiftTicks, sequence: number + 1 })
}

/** Everything of a segment before its payload. */
async function readHead(reader: OneBlob, blob: BlobName, start: number, end: number): Promise<Uint8Array> {
  for (let bytes = Math.min(USUAL_HEAD_BYTES, end - start); ; ) {
    const first = await reader.read(blob, start, bytes)
    const found = findPayload(first)
    if ('headBytes' in found && found.headBytes <= first.byteLength) return first.subarray(0, found.headBytes)
    const needed = 'headBytes' in found ? found.headBytes : found.needBytes
    if (needed > end - start) {
      throw new HeadwaterError('blob_damaged', `The segment at byte ${start} of ${blob} has no payload.`)
    }
    bytes = needed
  }
}

/** Reads of blobs, of which the last one stays open: segments of a chunk lie together. */
class OneBlob {
  readonly #blobs: Pick<Blobs, 'open'>
  #open: { readonly name: BlobName; readonly reader: BlobReader } | undefined

  constructor(blobs: Pick<Blobs, 'open'>) {
    this.#blobs = blobs
  }

  async read(name: BlobName, position: number, sizeBytes: number): Promise<Uint8Array> {
    return await readExactly(await this.#reader(name), name, position, sizeBytes)
  }

  async readWhole(name: BlobName): Promise<Uint8Array> {
    const reader = await this.#reader(name)
    return await readExactly(reader, name, 0, reader.sizeBytes)
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.reader.close()
  }

  async #reader(name: BlobName): Promise<BlobReader> {
    if (this.#open?.name === name) return this.#open.reader
    await this.close()
    const reader = await this.#blobs.open(name)
    this.#open = { name, reader }
    return reader
  }
}

async function readExactly(
  reader: BlobReader,
  name: BlobName,
  position: number,
  sizeBytes: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  const got = await reader.read(bytes, position)
  if (got === sizeBytes) return bytes
  throw new HeadwaterError(
    'blob_damaged',
    `${sizeBytes} bytes of ${name} were expected at ${position}, ${got} came.`,
  )
}
