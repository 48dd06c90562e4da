/** Packets of an elementary stream (ISO/IEC 13818-1 §2.4.3.6), put together from the payloads of transport packets. */

import { CLOCK_WRAP } from './packets.ts'

/** One PES packet, whole. */
export type PesPacket = {
  /** In ticks of 90 kHz, of 33 bits; undefined where it has none. */
  readonly pts: number | undefined
  /** As `pts`, unwrapped so that it lies near it; equal to `pts` where it has none of its own. */
  readonly dts: number | undefined
  readonly data: Uint8Array
}

/** No picture of an accepted broadcast comes near; beyond it is garbage. */
const MOST_PES_BYTES = 4 * 1024 * 1024
const FIRST_BYTES = 64 * 1024

/** Puts the PES packets of one stream together. */
export class PesReader {
  readonly #onPes: (pes: PesPacket) => void
  #buffer = new Uint8Array(0)
  #length = 0
  /** Whether a packet is being put together; what comes before the first start is of no use. */
  #isOpen = false

  /** `onPes` gets a view that is valid until it returns. */
  constructor(onPes: (pes: PesPacket) => void) {
    this.#onPes = onPes
  }

  /** The payload of the next transport packet. Answers false when something that was collected had to be given up. */
  push(payload: Uint8Array, isStart: boolean): boolean {
    const wasWhole = !isStart || this.flush()
    if (isStart) this.#isOpen = true
    if (!this.#isOpen) return wasWhole
    if (this.#length + payload.byteLength > MOST_PES_BYTES) {
      this.reset()
      return false
    }
    this.#append(payload)
    const wanted = this.#announcedBytes()
    if (wanted === 0 || this.#length < wanted) return wasWhole
    this.#length = wanted
    return this.flush() && wasWhole
  }

  /** Gives what has been collected: nothing more of it comes. Answers false when it is not whole. */
  flush(): boolean {
    if (!this.#isOpen) return true
    const collected = this.#buffer.subarray(0, this.#length)
    const wanted = this.#announcedBytes()
    // Announced longer than it came: some of it is missing.
    const isWhole = wanted === 0 || this.#length === wanted
    this.reset()
    const pes = isWhole ? readPes(collected) : undefined
    if (pes !== undefined) this.#onPes(pes)
    return pes !== undefined
  }

  /** Forgets what has been collected, up to the next start. */
  reset(): void {
    this.#isOpen = false
    this.#length = 0
  }

  /** The whole packet by its own head; 0 where it does not say, as pictures may (§2.4.3.7), or cannot yet. */
  #announcedBytes(): number {
    if (this.#length < 6) return 0
    const length = ((this.#buffer[4] ?? 0) << 8) | (this.#buffer[5] ?? 0)
    return length === 0 ? 0 : length + 6
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.byteLength
    if (length > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.max(FIRST_BYTES, this.#buffer.byteLength * 2, length))
      larger.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#length)
    this.#length = length
  }
}

/** Reads a whole PES packet; undefined where it is none, or of a kind without this head (Table 2-22). */
function readPes(bytes: Uint8Array): PesPacket | undefined {
  const [zero, nil, one, , , , marks = 0, flags = 0, headLength = 0] = bytes
  if (bytes.byteLength < 9 || zero !== 0 || nil !== 0 || one !== 1 || (marks & 0xc0) !== 0x80)
    return undefined
  const start = 9 + headLength
  if (start > bytes.byteLength) return undefined
  const pts = (flags & 0x80) !== 0 && headLength >= 5 ? readTime(bytes, 9) : undefined
  const ownDts = (flags & 0xc0) === 0xc0 && headLength >= 10 ? readTime(bytes, 14) : undefined
  if (pts === undefined) return { pts, dts: undefined, data: bytes.subarray(start) }
  const dts = ownDts ?? pts
  return { pts: dts + nearest(pts - dts), dts, data: bytes.subarray(start) }
}

/** 33 bits in five bytes, among marker bits (§2.4.3.7). */
function readTime(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = bytes.subarray(at, at + 5)
  return ((a >> 1) & 0x07) * 2 ** 30 + ((b << 22) | ((c >> 1) << 15) | (d << 7) | (e >> 1))
}

/** The difference of two times of 33 bits, the short way round. */
export function nearest(difference: number): number {
  const half = CLOCK_WRAP / 2
  return ((((difference + half) % CLOCK_WRAP) + CLOCK_WRAP) % CLOCK_WRAP) - half
}
