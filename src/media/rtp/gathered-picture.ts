/**
 * Packets put together to pictures: those of one picture have the same timestamp, and the last of them may be marked
 * (RFC 6184 §5.1, RFC 7741 §4.1). What a packet holds is for the reader of its codec.
 */

import type { OrderedPacket } from './rtp-order.ts'
import { MOST_PICTURE_BYTES, type RtpPicture } from './picture-reader.ts'

/** What has come of the picture that is being put together. */
export type Growing = {
  readonly timestamp: number
  bytes: number
  /** Something of it is missing or wrong, so it will not be shown. */
  broken: boolean
}

/** What the reader of a codec does with it. */
export type PictureParts<G extends Growing> = {
  /** A picture begins with this packet; `lostBefore`: something was lost just before it. */
  readonly begin: (timestamp: number, lostBefore: boolean) => G
  readonly take: (growing: G, payload: Uint8Array) => void
  /** Nothing of it is missing any more; undefined where it cannot be shown. */
  readonly finish: (growing: G) => RtpPicture | undefined
}

export class PictureGathering<G extends Growing> {
  /** Whether nothing comes out before a key frame does. */
  needsSync = true
  #growing: G | undefined
  readonly #parts: PictureParts<G>

  constructor(parts: PictureParts<G>) {
    this.#parts = parts
  }

  /** The pictures that this packet completes: the one before, its own, or both. */
  push({ packet, lostBefore }: OrderedPacket): RtpPicture[] {
    const { timestamp, payload, marker } = packet
    const pictures: RtpPicture[] = []
    if (lostBefore && this.#growing !== undefined) this.#growing.broken = true
    if (this.#growing !== undefined && this.#growing.timestamp !== timestamp) {
      pictures.push(...this.#finish(this.#growing))
    }
    // Packets without a payload only probe the network.
    if (payload.byteLength === 0) {
      if (lostBefore) this.needsSync = true
      return pictures
    }
    this.#growing ??= this.#parts.begin(timestamp, lostBefore)
    const growing = this.#growing
    growing.bytes += payload.byteLength
    if (growing.bytes > MOST_PICTURE_BYTES) growing.broken = true
    if (!growing.broken) this.#parts.take(growing, payload)
    if (marker) pictures.push(...this.#finish(growing))
    return pictures
  }

  #finish(growing: G): RtpPicture[] {
    this.#growing = undefined
    if (growing.broken) {
      this.needsSync = true
      return []
    }
    const picture = this.#parts.finish(growing)
    return picture === undefined ? [] : [picture]
  }
}
