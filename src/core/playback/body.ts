/**
 * Bytes of known length that are put together only while they are sent: pieces already in memory, and ranges of blobs.
 * Nothing is read whole; whoever reads brings the buffer.
 */

import { type ByteRange, rangeLength } from '../../lib/byte-range.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { BlobName, BlobReader, Blobs } from '../../ports.ts'

/** Where the blobs of a body are opened. */
export type BlobSource = Pick<Blobs, 'open'>

export type BlobPart = { readonly blob: BlobName; readonly range: ByteRange }
export type BodyPart = Uint8Array | BlobPart

export type Body = { readonly sizeBytes: number; readonly parts: readonly BodyPart[] }

/** A body that is in memory already. */
export function bytesBody(bytes: Uint8Array): Body {
  return { sizeBytes: bytes.byteLength, parts: [bytes] }
}

/** A body of these parts; empty ones are left out. */
export function bodyOf(parts: readonly BodyPart[]): Body {
  const filled = parts.filter((part) => partLength(part) > 0)
  return { sizeBytes: filled.reduce((sum, part) => sum + partLength(part), 0), parts: filled }
}

/** The bytes `[range.start, range.end)` of a body. */
export function sliceBody(body: Body, range: ByteRange): Body {
  const parts: BodyPart[] = []
  let position = 0
  for (const part of body.parts) {
    const length = partLength(part)
    const start = Math.max(0, range.start - position)
    const end = Math.min(length, range.end - position)
    if (start < end) parts.push(slicePart(part, start, end))
    position += length
  }
  return bodyOf(parts)
}

/**
 * Reads a body front to back into buffers of the caller. Ranges of one blob that lie near each other (the samples of
 * one track between those of another) are fetched with one read and moved together, which is several times faster than
 * a read for each.
 */
export class BodyReader {
  readonly #blobs: BlobSource
  readonly #parts: readonly BodyPart[]
  readonly #open = new Map<BlobName, BlobReader>()
  #index = 0
  /** Bytes of `#parts[#index]` already given out. */
  #taken = 0

  constructor(blobs: BlobSource, body: Body) {
    this.#blobs = blobs
    this.#parts = body.parts
  }

  /**
   * Fills `target` from its start; answers the number of bytes, less than its length only at the end of the body.
   * Throws `blob_damaged` when a blob is shorter than its record says, or gone.
   */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < target.byteLength) {
      const part = this.#parts[this.#index]
      if (part === undefined) break
      const room = target.subarray(filled)
      filled += part instanceof Uint8Array ? this.#copy(part, room) : await this.#gather(part, room)
    }
    return filled
  }

  /** Lets go of the blobs; must not run beside `read`. */
  async close(): Promise<void> {
    const readers = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(readers.map((reader) => reader.close()))
  }

  #copy(part: Uint8Array, room: Uint8Array): number {
    const piece = part.subarray(this.#taken, this.#taken + room.byteLength)
    room.set(piece)
    this.#advance(piece.byteLength)
    return piece.byteLength
  }

  /** One read for `first` and for what follows near it, then the gaps are closed. Answers the bytes kept. */
  async #gather(first: BlobPart, room: Uint8Array): Promise<number> {
    const start = first.range.start + this.#taken
    const pieces: ByteRange[] = []
    let end = start
    for (let next = this.#index; next < this.#parts.length; next += 1) {
      const part = this.#parts[next]
      if (part === undefined || part instanceof Uint8Array || part.blob !== first.blob) break
      const piece = { start: next === this.#index ? start : part.range.start, end: part.range.end }
      if (piece.start < end || piece.start - end > WORTH_SKIPPING_BYTES) break
      // A buffer that is full of gaps still has to give at least one byte of this piece.
      if (piece.start - start >= room.byteLength) break
      end = Math.min(piece.end, start + room.byteLength)
      pieces.push({ start: piece.start, end })
      if (end < piece.end) break
    }
    await this.#readExactly(first.blob, room.subarray(0, end - start), start)
    let kept = 0
    for (const piece of pieces) {
      if (piece.start - start !== kept) room.copyWithin(kept, piece.start - start, piece.end - start)
      kept += rangeLength(piece)
      this.#advance(rangeLength(piece))
    }
    return kept
  }

  async #readExactly(blob: BlobName, target: Uint8Array, position: number): Promise<void> {
    const reader = await this.#reader(blob)
    const got = await reader.read(target, position)
    if (got < target.byteLength) {
      throw new HeadwaterError(
        'blob_damaged',
        `A stored file ended early: ${target.byteLength} bytes were expected at ${position}, ${got} came.`,
        { facts: { blob, position, expected: target.byteLength, got } },
      )
    }
  }

  async #reader(blob: BlobName): Promise<BlobReader> {
    const known = this.#open.get(blob)
    if (known !== undefined) return known
    const reader = await openRecorded(this.#blobs, blob)
    this.#open.set(blob, reader)
    return reader
  }

  #advance(bytes: number): void {
    this.#taken += bytes
    const part = this.#parts[this.#index]
    if (part !== undefined && this.#taken >= partLength(part)) {
      this.#index += 1
      this.#taken = 0
    }
  }
}

/**
 * Opens a blob that a record says is there. Throws `blob_damaged` where it is not: to whoever asks, that is no wrong
 * address of theirs. (Of a video that is being deleted this instant, too; who asks again learns that it is gone.)
 */
export async function openRecorded(blobs: BlobSource, blob: BlobName): Promise<BlobReader> {
  return await blobs.open(blob).catch((error: unknown) => {
    if (!isFailure(error, 'not_found')) throw error
    throw new HeadwaterError('blob_damaged', 'A stored file is gone.', { facts: { blob }, cause: error })
  })
}

/** The bytes of a body as buffers of their own, for a program that reads a pipe. */
export async function* streamBody(blobs: BlobSource, body: Body): AsyncGenerator<Uint8Array> {
  const reader = new BodyReader(blobs, body)
  try {
    for (let left = body.sizeBytes; left > 0; ) {
      const buffer = new Uint8Array(Math.min(left, STREAM_BUFFER_BYTES))
      const filled = await reader.read(buffer)
      yield buffer.subarray(0, filled)
      left -= filled
    }
  } finally {
    await reader.close()
  }
}

/** A whole body in memory; for one that is known to be small, such as a segment. */
export async function readBody(blobs: BlobSource, body: Body): Promise<Uint8Array> {
  const reader = new BodyReader(blobs, body)
  try {
    const bytes = new Uint8Array(body.sizeBytes)
    await reader.read(bytes)
    return bytes
  } finally {
    await reader.close()
  }
}

function partLength(part: BodyPart): number {
  return part instanceof Uint8Array ? part.byteLength : rangeLength(part.range)
}

function slicePart(part: BodyPart, start: number, end: number): BodyPart {
  if (part instanceof Uint8Array) return part.subarray(start, end)
  return { blob: part.blob, range: { start: part.range.start + start, end: part.range.start + end } }
}

/** A gap up to this size costs less to read over than a second read does. */
const WORTH_SKIPPING_BYTES = 128 * 1024
const STREAM_BUFFER_BYTES = 256 * 1024
