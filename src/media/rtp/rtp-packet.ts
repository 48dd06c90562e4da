/** RTP packets (RFC 3550 §5.1), read. What is written goes through the library that encrypts it. */

/** One packet; `payload` is a view of what was read. */
export type RtpPacket = {
  readonly payloadType: number
  readonly marker: boolean
  /** 16 bits. */
  readonly sequence: number
  /** 32 bits, in ticks of the codec's clock. */
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Uint8Array
}

const HEADER_BYTES = 12

/** Reads one packet; undefined for what is none. */
export function readRtp(bytes: Uint8Array): RtpPacket | undefined {
  if (bytes.byteLength < HEADER_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = view.getUint8(0)
  if (first >> 6 !== 2) return undefined
  let start = HEADER_BYTES + (first & 0x0f) * 4
  if ((first & 0x10) !== 0) {
    // §5.3.1: an extension tells its length in words of 32 bits.
    if (start + 4 > bytes.byteLength) return undefined
    start += 4 + view.getUint16(start + 2) * 4
  }
  let end = bytes.byteLength
  if ((first & 0x20) !== 0) end -= view.getUint8(end - 1)
  if (start > end) return undefined
  const second = view.getUint8(1)
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(start, end),
  }
}

/** How far `to` is ahead of `from` on a circle of 2^`bits`: from −2^(bits−1) to 2^(bits−1) − 1. */
export function circleDistance(from: number, to: number, bits: 16 | 32): number {
  const circle = 2 ** bits
  const ahead = (((to - from) % circle) + circle) % circle
  return ahead >= circle / 2 ? ahead - circle : ahead
}
