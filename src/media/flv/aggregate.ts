/** Several tags in one message (RTMP 1.0 §7.1.6), as old encoders save bytes. */

import { broken, type RtmpMessage } from '../rtmp/message.ts'

/** Bytes before a tag's body, and the four behind it that repeat its length. */
const HEAD_BYTES = 11
const BACK_BYTES = 4

/**
 * The tags of an aggregate message as messages of their own. Their times count from the first one's, which is the
 * message's. Throws `live_stream_broken`.
 */
export function splitAggregate(message: RtmpMessage): RtmpMessage[] {
  const { payload, timestamp, streamId } = message
  const messages: RtmpMessage[] = []
  let first: number | undefined
  for (let at = 0; at < payload.byteLength; ) {
    const length = u24(payload, at + 1)
    const end = at + HEAD_BYTES + length
    if (end > payload.byteLength) throw broken('An aggregate message of RTMP ends inside a tag.')
    // The highest byte of the time comes last (§E.4.1 of the FLV specification).
    const time = u24(payload, at + 4) + (payload[at + 7] ?? 0) * 2 ** 24
    first ??= time
    messages.push({
      type: (payload[at] ?? 0) & 0x1f,
      streamId,
      timestamp: (timestamp + time - first + 2 ** 32) % 2 ** 32,
      payload: payload.subarray(at + HEAD_BYTES, end),
    })
    at = end + BACK_BYTES
  }
  return messages
}

function u24(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 65_536 + (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0)
}
