/** Messages → bytes of a chunk stream (RTMP 1.0 §5.3), with the shortest header that says enough. */

import { FIRST_CHUNK_SIZE } from './chunk-reader.ts'
import { MESSAGE, type RtmpMessage, u32 } from './message.ts'

/** A message and the chunk stream it goes on, 2 to 65,599; 2 is for control messages (§5.3.1.1). */
export type OutgoingMessage = RtmpMessage & { readonly chunkStreamId: number }

type Sent = { readonly message: OutgoingMessage; readonly delta: number | undefined }

const EXTENDED = 0xffffff

/** Writes one direction of a connection. */
export class ChunkWriter {
  #chunkSize = FIRST_CHUNK_SIZE
  readonly #sent = new Map<number, Sent>()

  /** Announces chunks of this size and uses them from then on. Answers the announcement. */
  setChunkSize(size: number): Uint8Array {
    const bytes = this.write({
      chunkStreamId: 2,
      type: MESSAGE.setChunkSize,
      streamId: 0,
      timestamp: 0,
      payload: u32(size),
    })
    this.#chunkSize = size
    return bytes
  }

  /** All chunks of a message. */
  write(message: OutgoingMessage): Uint8Array {
    const { chunkStreamId, payload } = message
    const { format, field, delta } = this.#chooseHeader(message)
    this.#sent.set(chunkStreamId, { message, delta })
    const tail = field >= EXTENDED ? u32(field) : new Uint8Array(0)
    const first = [
      ...basicHeader(format, chunkStreamId),
      ...messageHeader(message, format, Math.min(field, EXTENDED)),
      ...tail,
    ]
    // §5.3.1.3: an extended timestamp stands before every piece of its message.
    const next = [...basicHeader(3, chunkStreamId), ...tail]
    const pieces = Math.max(1, Math.ceil(payload.byteLength / this.#chunkSize))
    const bytes = new Uint8Array(first.length + (pieces - 1) * next.length + payload.byteLength)
    let at = 0
    for (let piece = 0; piece < pieces; piece += 1) {
      const header = piece === 0 ? first : next
      bytes.set(header, at)
      const part = payload.subarray(piece * this.#chunkSize, (piece + 1) * this.#chunkSize)
      bytes.set(part, at + header.length)
      at += header.length + part.byteLength
    }
    return bytes
  }

  #chooseHeader(message: OutgoingMessage): { format: number; field: number; delta: number | undefined } {
    const last = this.#sent.get(message.chunkStreamId)
    const isSameStream = last !== undefined && last.message.streamId === message.streamId
    // A difference cannot go back (§5.3.1.2.2).
    if (!isSameStream || message.timestamp < last.message.timestamp) {
      return { format: 0, field: message.timestamp, delta: undefined }
    }
    const delta = message.timestamp - last.message.timestamp
    const isAlike =
      last.message.type === message.type && last.message.payload.byteLength === message.payload.byteLength
    if (!isAlike) return { format: 1, field: delta, delta }
    // Only after a difference: what a bare header means after a whole one is read in two ways (§5.3.1.2.4).
    return { format: last.delta === delta ? 3 : 2, field: delta, delta }
  }
}

function basicHeader(format: number, id: number): number[] {
  const bits = format << 6
  if (id < 64) return [bits | id]
  if (id < 320) return [bits, id - 64]
  return [bits | 1, (id - 64) & 0xff, (id - 64) >> 8]
}

function messageHeader({ payload, type, streamId }: RtmpMessage, format: number, field: number): number[] {
  if (format === 3) return []
  const length = payload.byteLength
  return [
    ...u24(field),
    ...(format <= 1 ? [...u24(length), type] : []),
    ...(format === 0 ? [...u32(streamId)].reverse() : []),
  ]
}

function u24(value: number): number[] {
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff]
}
