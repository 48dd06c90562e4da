/**
 * A bounded walk over boxes (ISO/IEC 14496-12 §4.2). Nothing is allocated because a header claims it: sizes are
 * compared with what is really there first, and every read of a field is checked against the end of its box.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { MediaFault } from '../../lib/media-faults.ts'
import type { ByteSource } from './movie.ts'

/** What can be wrong with the boxes of a file. */
export type Mp4Fault = Extract<MediaFault, `mp4_${string}`>

/** A box by its positions, relative to the bytes or the file it lies in. */
export type Box = {
  readonly type: string
  /** First byte of the header. */
  readonly start: number
  /** First byte after the header. */
  readonly bodyStart: number
  /** End as the header claims it; at top level it may lie beyond the end of the file. */
  readonly end: number
}

/** Boxes at top level that are looked at before a file is refused: some 2 h of fragments of one picture each. */
export const MAX_TOP_LEVEL_BOXES = 2_000_000
/** Children of one container, where the caller names no other limit; real ones have a few dozen. */
const MAX_CHILDREN = 1000
/** Read at once while walking a file; neighbouring small boxes then cost one read together. */
const WINDOW_BYTES = 16_384
/** Size, type and the 64-bit size. */
const LONGEST_HEADER = 16

/** A failure about the box `where`. `atByte`: its place in what is being read, where that is known. */
export function malformed(code: Mp4Fault, where: string, problem: string, atByte?: number): HeadwaterError {
  return new HeadwaterError(code, `The MP4 file is damaged: ${where} ${problem}.`, {
    facts: { box: where, ...(atByte === undefined ? {} : { atByte }) },
  })
}

/** Runs `read`, which reads bytes that lie at `start` in the file: the places in what it throws become places there. */
export function readingAt<T>(start: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'media') throw error
    const { atByte } = error.facts
    throw new HeadwaterError(error.code, error.message, {
      facts: { ...error.facts, atByte: start + (typeof atByte === 'number' ? atByte : 0) },
      cause: error,
    })
  }
}

/**
 * The children of a container held in memory, in order. Throws `mp4_box_too_large` when one overruns the container,
 * `mp4_too_many_boxes` when there are more than `limit`; ends at such a child instead if `tolerant` (sample entries of old QuickTime files end in things that are no boxes).
 */
export function* childBoxes(
  bytes: Uint8Array,
  start: number,
  end: number,
  options: { tolerant?: boolean; limit?: number } = {},
): Generator<Box> {
  const { tolerant = false, limit = MAX_CHILDREN } = options
  let position = start
  let seen = 0
  // QuickTime ends some containers with a 32-bit zero, so fewer than eight bytes or a size of zero end the walk.
  while (end - position >= 8) {
    const view = new DataView(
      bytes.buffer,
      bytes.byteOffset + position,
      Math.min(LONGEST_HEADER, end - position),
    )
    if (view.getUint32(0) === 0) return
    const box = readHeader(view, position, end)
    if (box === undefined || box.end > end) {
      if (tolerant) return
      throw malformed(
        'mp4_box_too_large',
        `'${printable(fourcc(view, 4))}'`,
        `claims a size that its container, with ${end - position} bytes left, cannot hold`,
        position,
      )
    }
    seen += 1
    if (seen > limit) {
      const name = `'${printable(box.type)}'`
      throw malformed(
        'mp4_too_many_boxes',
        name,
        `is one of more than ${limit} boxes in one container`,
        position,
      )
    }
    yield box
    position = box.end
  }
}

/** The first child of that type, if any. */
export function findChild(bytes: Uint8Array, parent: Box, type: string): Box | undefined {
  for (const box of childBoxes(bytes, parent.bodyStart, parent.end)) if (box.type === type) return box
  return undefined
}

/** A box at the top level of a file. */
export type FileBox = Box & { readonly truncated: boolean }

/**
 * Walks the top level of a file. Ends at the end of the file, at bytes that are no box, or after the first box that
 * claims to go on beyond the end (`truncated`). Throws `mp4_too_many_boxes` after two million.
 */
export class FileWalk {
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array(0)
  #windowStart = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  async *boxes(): AsyncGenerator<FileBox> {
    const { sizeBytes } = this.#source
    let position = 0
    for (let seen = 0; sizeBytes - position >= 8; seen += 1) {
      if (seen >= MAX_TOP_LEVEL_BOXES) {
        const problem = `has more than ${MAX_TOP_LEVEL_BOXES} boxes at its top level`
        throw malformed('mp4_too_many_boxes', 'the file', problem, position)
      }
      const box = await this.#header(position, sizeBytes)
      if (box === undefined || !/^[\x20-\x7e]{4}$/.test(box.type)) return
      const truncated = box.end > sizeBytes
      yield { ...box, truncated }
      if (truncated) return
      position = box.end
    }
  }

  /**
   * The children of a box, one header at a time: for a few facts out of a container that is not worth holding. Throws as
   * `childBoxes` does.
   */
  async *children(parent: Box): AsyncGenerator<Box> {
    let position = parent.bodyStart
    for (let seen = 1; parent.end - position >= 8; seen += 1) {
      const box = await this.#header(position, parent.end)
      if (box === undefined) return
      if (box.end > parent.end) {
        throw malformed(
          'mp4_box_too_large',
          `'${printable(box.type)}'`,
          'is larger than its container',
          position,
        )
      }
      if (seen > MAX_CHILDREN) {
        const problem = `holds more than ${MAX_CHILDREN} boxes`
        throw malformed('mp4_too_many_boxes', `'${printable(parent.type)}'`, problem, position)
      }
      yield box
      position = box.end
    }
  }

  /** The bytes `[start, end)` of the file. The caller has checked that they exist and are few enough to hold. */
  async read(start: number, end: number): Promise<Uint8Array> {
    return this.#peek(start, end - start) ?? (await this.#readFresh(start, end))
  }

  /** The header at `position` of a box that lies in `[position, end)`; undefined where its size is impossible. */
  async #header(position: number, end: number): Promise<Box | undefined> {
    const length = Math.min(LONGEST_HEADER, end - position)
    const header = this.#peek(position, length) ?? (await this.#load(position, length))
    return readHeader(new DataView(header.buffer, header.byteOffset, header.byteLength), position, end)
  }

  /** Bytes of the window, if it has them: most boxes of a hostile file must not cost a read each. */
  #peek(position: number, length: number): Uint8Array | undefined {
    const offset = position - this.#windowStart
    if (offset < 0 || offset + length > this.#window.byteLength) return undefined
    return this.#window.subarray(offset, offset + length)
  }

  async #load(position: number, length: number): Promise<Uint8Array> {
    const end = Math.min(position + WINDOW_BYTES, this.#source.sizeBytes)
    this.#window = await this.#readFresh(position, end)
    this.#windowStart = position
    return this.#window.subarray(0, length)
  }

  async #readFresh(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start)
    const got = await this.#source.read(bytes, start)
    if (got !== bytes.byteLength) {
      throw new HeadwaterError(
        'blob_damaged',
        `Expected ${bytes.byteLength} bytes at position ${start}, read only ${got}; the stored file is shorter than its record says.`,
      )
    }
    return bytes
  }
}

/** Reads big-endian fields of one box in order; every read past its end throws `mp4_box_too_short`. */
export class FieldReader {
  readonly #view: DataView
  readonly #name: string
  readonly #start: number
  #position = 0

  constructor(bytes: Uint8Array, start: number, end: number, name: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start)
    this.#name = name
    this.#start = start
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#view.byteLength - this.#position
  }

  /** The payload as a whole, for tables whose size has been checked with `requireEntries`. */
  get view(): DataView {
    return this.#view
  }

  /** Position of the next field in `view`. */
  get position(): number {
    return this.#position
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  u24(): number {
    return this.u16() * 256 + this.u8()
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4))
  }

  /** Throws for values a double cannot hold exactly: no real time or position is that large. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#advance(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw this.fail('mp4_number_too_large', 'holds a number beyond 2^53')
    return Number(value)
  }

  i64(): number {
    const value = this.#view.getBigInt64(this.#advance(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      throw this.fail('mp4_number_too_large', 'holds a number beyond 2^53')
    }
    return Number(value)
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8))
  }

  fourcc(): string {
    return fourcc(this.#view, this.#advance(4))
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** A view of the next `count` bytes, not a copy. */
  bytes(count: number): Uint8Array {
    const at = this.#advance(count)
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, count)
  }

  /** Throws unless `count` entries of `entryBytes` are really there: before anything is allocated for them. */
  requireEntries(count: number, entryBytes: number): void {
    if (count * entryBytes > this.left) {
      const room = Math.floor(this.left / entryBytes)
      throw this.fail('mp4_box_too_short', `claims ${count} entries, but has room for ${room}`)
    }
  }

  /** A failure about this box, at the next field. */
  fail(code: Mp4Fault, problem: string): HeadwaterError {
    return malformed(code, this.#name, problem, this.#start + this.#position)
  }

  #advance(count: number): number {
    if (count > this.left) throw this.fail('mp4_box_too_short', 'ends before its fields do')
    const at = this.#position
    this.#position += count
    return at
  }
}

/** A reader over the payload of `box`. */
export function fieldsOf(bytes: Uint8Array, box: Box): FieldReader {
  return new FieldReader(bytes, box.bodyStart, box.end, `'${printable(box.type)}'`)
}

/** Names of boxes are strangers' bytes and go into messages. */
export function printable(type: string): string {
  return type.replaceAll(/[^\x20-\x7e]/g, '?')
}

/** Undefined where the size is impossible. */
function readHeader(view: DataView, position: number, containerEnd: number): Box | undefined {
  const type = fourcc(view, 4)
  const size = view.getUint32(0)
  // §4.2: 0 = to the end of the file, 1 = a 64-bit size follows.
  if (size === 0) return { type, start: position, bodyStart: position + 8, end: containerEnd }
  if (size !== 1) {
    return size < 8 ? undefined : { type, start: position, bodyStart: position + 8, end: position + size }
  }
  if (view.byteLength < LONGEST_HEADER) return undefined
  const large = Number(view.getBigUint64(8))
  if (large < LONGEST_HEADER || !Number.isSafeInteger(position + large)) return undefined
  return { type, start: position, bodyStart: position + LONGEST_HEADER, end: position + large }
}

function fourcc(view: DataView, at: number): string {
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  )
}
