/** Messages of RTMP ("Adobe's Real Time Messaging Protocol" 1.0, §6 and §7), and the failure of what breaks its rules. */

import { HeadwaterError } from '../../lib/failure.ts'

/** One message, whole. */
export type RtmpMessage = {
  /** One of `MESSAGE`, or another that nobody here knows. */
  readonly type: number
  /** 0 for the connection itself, else what `createStream` gave. */
  readonly streamId: number
  /** Milliseconds, modulo 2^32. */
  readonly timestamp: number
  readonly payload: Uint8Array
}

/** Message type ids (§5.4, §7.1). */
export const MESSAGE = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAcknowledgementSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
  aggregate: 22,
} as const

/** User control events (§7.1.7). */
export const CONTROL = {
  streamBegin: 0,
  streamEnd: 1,
  pingRequest: 6,
  pingResponse: 7,
} as const

/** `live_stream_broken`, with what was expected and what came. */
export function broken(sentence: string): HeadwaterError {
  return new HeadwaterError('live_stream_broken', sentence)
}

/** Four bytes, most significant first. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** The number in the four bytes from `at` on. Throws `live_stream_broken` when there are fewer. */
export function readU32(bytes: Uint8Array, at = 0): number {
  if (at + 4 > bytes.byteLength) {
    throw broken(`A control message of RTMP has ${bytes.byteLength} bytes, expected at least ${at + 4}.`)
  }
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0)
}
