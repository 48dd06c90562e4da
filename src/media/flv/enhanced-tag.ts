/**
 * The part that enhanced video and audio tags have in common (Enhanced RTMP v2): modifiers, which may be many, and several
 * tracks in one tag, of which the first is taken.
 */

import { broken } from '../rtmp/message.ts'

/** What a tag holds, as far as both kinds agree. */
export const PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multitrack: { video: 6, audio: 5 },
  modifiers: 7,
} as const

/** A tag without what is around it. */
export type EnhancedTag = {
  readonly packet: number
  /** Four letters. */
  readonly fourcc: string
  readonly body: Uint8Array
}

/** Only one of several tracks, counted from 0, is the broadcast's; what others hold is another quality or language. */
const FIRST_TRACK = 0

/**
 * Reads from the byte behind the first one of a tag, `packet` being the lower half of that. Undefined for a tag that holds
 * nothing of the first track. Throws `live_stream_broken`.
 */
export function readEnhancedTag(
  kind: 'video' | 'audio',
  packet: number,
  bytes: Uint8Array,
): EnhancedTag | undefined {
  const unmodified = skipModifiers(packet, bytes)
  if (unmodified.packet !== PACKET.multitrack[kind]) {
    const { packet: found, rest } = unmodified
    return { packet: found, fourcc: letters(rest), body: rest.subarray(4) }
  }
  return readFirstTrack(unmodified.rest)
}

/** Each has its length, its data, and what follows it: another one, or the packet itself. */
function skipModifiers(first: number, bytes: Uint8Array): { packet: number; rest: Uint8Array } {
  let [packet, rest] = [first, bytes]
  while (packet === PACKET.modifiers) {
    const isLong = rest[0] === 255
    // 256 and more have their length in two further bytes.
    const [start, size] = isLong ? [3, u16(rest, 1) + 1] : [1, (rest[0] ?? 0) + 1]
    const next = rest[start + size]
    if (next === undefined) throw broken('A modifier in an enhanced FLV tag is longer than its tag.')
    packet = next & 0x0f
    rest = rest.subarray(start + size + 1)
  }
  return { packet, rest }
}

const MULTITRACK = { one: 0, many: 1, manyCodecs: 2 } as const

function readFirstTrack(bytes: Uint8Array): EnhancedTag | undefined {
  const [head = 0] = bytes
  const form = head >> 4
  const packet = head & 0x0f
  let at = 1
  let fourcc = ''
  if (form !== MULTITRACK.manyCodecs) {
    fourcc = letters(bytes.subarray(at))
    at += 4
  }
  while (at < bytes.byteLength) {
    if (form === MULTITRACK.manyCodecs) {
      fourcc = letters(bytes.subarray(at))
      at += 4
    }
    const track = bytes[at]
    at += 1
    const size = form === MULTITRACK.one ? bytes.byteLength - at : u24(bytes, at)
    if (form !== MULTITRACK.one) at += 3
    if (track === undefined || at + size > bytes.byteLength) {
      throw broken('A track in an enhanced FLV tag is longer than its tag.')
    }
    if (track === FIRST_TRACK) return { packet, fourcc, body: bytes.subarray(at, at + size) }
    at += size
  }
  return undefined
}

function letters(bytes: Uint8Array): string {
  if (bytes.byteLength < 4) throw broken('An enhanced FLV tag ends before the four letters of its codec.')
  return String.fromCharCode(...bytes.subarray(0, 4))
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
}

function u24(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 256 + (bytes[at + 2] ?? 0)
}
