/**
 * Bytes of a chunk stream → messages (RTMP 1.0 §5.3), in whatever pieces they come. A message is held only as far as it has
 * arrived: what a header claims is never allocated, and neither the number of chunk streams nor what lies in their
 * unfinished messages may grow beyond what honest peers need.
 */

import { broken, MESSAGE, readU32, type RtmpMessage } from './message.ts'

/** §5.4.1: until the peer says otherwise. */
export const FIRST_CHUNK_SIZE = 128
/** Peers use five or six. */
const MOST_CHUNK_STREAMS = 64
/** A basic header of three bytes, a message header of eleven, an extended timestamp of four. */
const LONGEST_HEADER = 18
const EXTENDED = 0xffffff
/** Bytes of the message header by its type (§5.3.1.2). */
const MESSAGE_HEADER_BYTES: readonly number[] = [11, 7, 3, 0]
const FIRST_ALLOCATION = 4096

export type ChunkReaderOptions = {
  /** Longest message in bytes; can be changed while it runs. */
  readonly maxMessageBytes: number
  /** Every message but Set Chunk Size and Abort, which end here. `payload` is not touched again. */
  readonly onMessage: (message: RtmpMessage) => void
}

/** What the headers of one chunk stream have said so far, and its unfinished message. */
type ChunkStream = {
  readonly id: number
  timestamp: number
  /** The number a header gave last: a time or a difference; what a header without one repeats. */
  field: number
  extended: boolean
  length: number
  type: number
  streamId: number
  isKnown: boolean
  payload: Uint8Array
  filled: number
  /** Whether a message has begun and not ended. */
  isOpen: boolean
}

/** Reads one direction of a connection. After it has thrown it must not be used again. */
export class ChunkReader {
  maxMessageBytes: number
  readonly #onMessage: (message: RtmpMessage) => void
  readonly #streams = new Map<number, ChunkStream>()
  readonly #header = new Uint8Array(LONGEST_HEADER)
  #headerBytes = 0
  #chunkSize = FIRST_CHUNK_SIZE
  /** The stream whose chunk is being read, and what of it is still to come. */
  #current: ChunkStream | undefined
  #chunkLeft = 0
  /** Bytes in unfinished messages. */
  #held = 0

  constructor({ maxMessageBytes, onMessage }: ChunkReaderOptions) {
    this.maxMessageBytes = maxMessageBytes
    this.#onMessage = onMessage
  }

  /** Takes the next bytes, of which nothing is kept. Throws `live_stream_broken`. */
  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.byteLength) {
      at = this.#current === undefined ? this.#readHeader(bytes, at) : this.#readPayload(bytes, at)
    }
  }

  #readHeader(bytes: Uint8Array, start: number): number {
    let at = start
    let wanted = this.#headerLength()
    while (this.#headerBytes < wanted) {
      const byte = bytes[at]
      if (byte === undefined) return at
      this.#header[this.#headerBytes] = byte
      this.#headerBytes += 1
      at += 1
      wanted = this.#headerLength()
    }
    this.#beginChunk()
    return at
  }

  /** How many bytes the header has, as far as can be told from those that are there. */
  #headerLength(): number {
    if (this.#headerBytes === 0) return 1
    const first = this.#header[0] ?? 0
    const basic = basicHeaderBytes(first)
    const plain = basic + (MESSAGE_HEADER_BYTES[first >> 6] ?? 0)
    if (this.#headerBytes < plain || this.#headerBytes < basic) return plain
    const isExtended =
      first >> 6 === 3
        ? this.#streams.get(this.#chunkStreamId())?.extended === true
        : this.#u24(basic) === EXTENDED
    return isExtended ? plain + 4 : plain
  }

  /** §5.3.1.1: six bits, or one byte more, or two. */
  #chunkStreamId(): number {
    const [first = 0, second = 0, third = 0] = this.#header
    const small = first & 0x3f
    if (small === 0) return second + 64
    return small === 1 ? third * 256 + second + 64 : small
  }

  #beginChunk(): void {
    const format = (this.#header[0] ?? 0) >> 6
    const basic = basicHeaderBytes(this.#header[0] ?? 0)
    const stream = this.#findStream(this.#chunkStreamId())
    const plain = basic + (MESSAGE_HEADER_BYTES[format] ?? 0)
    const hasExtended = this.#headerBytes > plain
    const last = hasExtended ? readU32(this.#header, plain) : undefined
    this.#headerBytes = 0
    if (format === 3) {
      // Some publishers leave the extended timestamp out where a message goes on, against §5.3.1.3: then these four bytes
      // are not the time once more, but payload or what follows it.
      const isLeftOut = last !== undefined && stream.isOpen && last !== stream.field
      if (last !== undefined && !stream.isOpen) stream.field = last
      this.#goOn(stream)
      if (isLeftOut) this.push(this.#header.slice(plain, plain + 4))
      return
    }
    this.#takeHeader(stream, format, basic, last)
    this.#goOn(stream)
  }

  #takeHeader(stream: ChunkStream, format: number, basic: number, extended: number | undefined): void {
    if (stream.isOpen) {
      throw broken(`A new message begins on chunk stream ${stream.id} before the last one has ended.`)
    }
    // librtmp sends its first control message without a stream id, on a chunk stream that nothing came on before.
    if (!stream.isKnown && format === 2) throw noHeader(stream.id)
    stream.field = extended ?? this.#u24(basic)
    stream.extended = extended !== undefined
    if (format <= 1) {
      stream.length = this.#u24(basic + 3)
      stream.type = this.#header[basic + 6] ?? 0
    }
    if (format === 0) {
      // The one number of the protocol with its least significant byte first (§5.3.1.2.1).
      stream.streamId = new DataView(this.#header.buffer).getUint32(basic + 7, true)
      stream.timestamp = 0
    }
    stream.isKnown = true
  }

  /** Begins a message or goes on with the one that is open. */
  #goOn(stream: ChunkStream): void {
    if (!stream.isKnown) throw noHeader(stream.id)
    if (!stream.isOpen) {
      if (stream.length > this.maxMessageBytes) {
        throw broken(
          `A message of ${stream.length} bytes was announced; at most ${this.maxMessageBytes} are taken here.`,
        )
      }
      // After a whole header the field is the time itself, later it is added; §5.3.1.2.4 for a header that has none.
      stream.timestamp = (stream.timestamp + stream.field) % 2 ** 32
      stream.isOpen = true
      stream.filled = 0
    }
    this.#chunkLeft = Math.min(stream.length - stream.filled, this.#chunkSize)
    this.#current = stream
    if (this.#chunkLeft === 0) this.#endChunk(stream)
  }

  #readPayload(bytes: Uint8Array, at: number): number {
    const stream = this.#current
    if (stream === undefined) return at
    const count = Math.min(this.#chunkLeft, bytes.byteLength - at)
    const end = stream.filled + count
    if (end > stream.payload.byteLength) stream.payload = grow(stream, end)
    stream.payload.set(bytes.subarray(at, at + count), stream.filled)
    stream.filled = end
    this.#held += count
    if (this.#held > 2 * this.maxMessageBytes) throw broken('Too many messages were begun and not ended.')
    this.#chunkLeft -= count
    if (this.#chunkLeft === 0) this.#endChunk(stream)
    return at + count
  }

  #endChunk(stream: ChunkStream): void {
    this.#current = undefined
    if (stream.filled < stream.length) return
    const { type, streamId, timestamp } = stream
    const payload = stream.payload.subarray(0, stream.filled)
    this.#forget(stream)
    if (type === MESSAGE.setChunkSize) this.#setChunkSize(readU32(payload))
    else if (type === MESSAGE.abort) this.#abort(readU32(payload))
    else this.#onMessage({ type, streamId, timestamp, payload })
  }

  /** §5.4.1: one bit is always zero, and a chunk of nothing would never end. */
  #setChunkSize(size: number): void {
    if (size < 1 || size >= 2 ** 31)
      throw broken(`Chunks of ${size} bytes were announced, expected 1 to 2^31 - 1.`)
    this.#chunkSize = size
  }

  /** §5.4.2: what has come of the message is thrown away. */
  #abort(id: number): void {
    const stream = this.#streams.get(id)
    if (stream?.isOpen) this.#forget(stream)
  }

  #forget(stream: ChunkStream): void {
    this.#held -= stream.filled
    stream.payload = NOTHING
    stream.filled = 0
    stream.isOpen = false
  }

  #findStream(id: number): ChunkStream {
    const known = this.#streams.get(id)
    if (known !== undefined) return known
    if (this.#streams.size >= MOST_CHUNK_STREAMS) {
      throw broken(`More than ${MOST_CHUNK_STREAMS} chunk streams are in use.`)
    }
    const stream: ChunkStream = {
      id,
      timestamp: 0,
      field: 0,
      extended: false,
      length: 0,
      type: 0,
      streamId: 0,
      isKnown: false,
      payload: NOTHING,
      filled: 0,
      isOpen: false,
    }
    this.#streams.set(id, stream)
    return stream
  }

  #u24(at: number): number {
    const [high = 0, middle = 0, low = 0] = this.#header.subarray(at, at + 3)
    return high * 65_536 + middle * 256 + low
  }
}

const NOTHING = new Uint8Array(0)

function basicHeaderBytes(first: number): number {
  return [2, 3][first & 0x3f] ?? 1
}

/** Twice as much as before, but never more than the message may have. */
function grow(stream: ChunkStream, needed: number): Uint8Array {
  const size = Math.max(needed, FIRST_ALLOCATION, 2 * stream.payload.byteLength)
  const grown = new Uint8Array(Math.min(size, stream.length))
  grown.set(stream.payload.subarray(0, stream.filled))
  return grown
}

function noHeader(id: number) {
  return broken(`Chunk stream ${id} begins without the header that says what its messages are.`)
}
