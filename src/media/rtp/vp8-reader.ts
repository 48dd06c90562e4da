/** VP8 from RTP (RFC 7741 §4); sizes from the key frame's header (RFC 6386 §9.1). */

import type { VideoFormat } from '../live/units.ts'
import { type Growing, PictureGathering } from './gathered-picture.ts'
import type { OrderedPacket } from './rtp-order.ts'
import type { PictureReader, RtpPicture } from './picture-reader.ts'

type GrowingFrame = Growing & { readonly parts: Uint8Array[] }

export class Vp8Reader implements PictureReader {
  readonly #gathering = new PictureGathering<GrowingFrame>({
    begin: (timestamp, lostBefore) => {
      // A picture begins where its first partition does; so a loss before it is one of the picture before.
      if (lostBefore) this.#gathering.needsSync = true
      return { timestamp, parts: [], bytes: 0, broken: false }
    },
    take: takePayload,
    finish: (growing) => this.#finish(growing),
  })
  #format: VideoFormat | undefined

  get needsSync(): boolean {
    return this.#gathering.needsSync
  }

  push(ordered: OrderedPacket): RtpPicture[] {
    return this.#gathering.push(ordered)
  }

  #finish({ timestamp, parts }: GrowingFrame): RtpPicture | undefined {
    const gathering = this.#gathering
    const data = Buffer.concat(parts)
    // RFC 6386 §9.1: bit 0 of a frame is 0 for a key frame.
    const isSync = data.byteLength > 0 && ((data[0] ?? 1) & 1) === 0
    if (gathering.needsSync && !isSync) return undefined
    gathering.needsSync = isSync && !this.#renewFormat(data)
    if (gathering.needsSync) return undefined
    return { timestamp, isSync, data, format: isSync ? this.#format : undefined }
  }

  /** Whether the key frame says its size. */
  #renewFormat(keyFrame: Uint8Array): boolean {
    const size = readKeyFrameSize(keyFrame)
    if (size === undefined) return false
    const changed = this.#format?.width !== size.width || this.#format.height !== size.height
    if (changed) this.#format = { kind: 'video', codec: 'vp8', config: new Uint8Array(0), ...size }
    return true
  }
}

function takePayload(growing: GrowingFrame, payload: Uint8Array): void {
  const descriptor = readDescriptor(payload)
  const isFirst = growing.parts.length === 0
  if (descriptor === undefined || (isFirst && !descriptor.isStart)) growing.broken = true
  else growing.parts.push(payload.subarray(descriptor.bytes))
}

/** Length of the payload descriptor, and whether the frame begins behind it; undefined where it is cut off. */
function readDescriptor(payload: Uint8Array): { bytes: number; isStart: boolean } | undefined {
  const first = payload[0] ?? 0
  let bytes = 1
  if ((first & 0x80) !== 0) {
    const more = payload[1] ?? 0
    bytes = 2
    // I: a picture id of one byte, or of two if its first bit is set. L: one byte. T or K: one byte together.
    if ((more & 0x80) !== 0) bytes += ((payload[2] ?? 0) & 0x80) === 0 ? 1 : 2
    if ((more & 0x40) !== 0) bytes += 1
    if ((more & 0x30) !== 0) bytes += 1
  }
  if (bytes >= payload.byteLength) return undefined
  return { bytes, isStart: (first & 0x10) !== 0 && (first & 0x07) === 0 }
}

const START_CODE = [0x9d, 0x01, 0x2a] as const

/** The size of a key frame; undefined where its header is broken. */
export function readKeyFrameSize(frame: Uint8Array): { width: number; height: number } | undefined {
  if (frame.byteLength < 10 || START_CODE.some((byte, index) => frame[3 + index] !== byte)) return undefined
  // Above the 14 bits of each side stands how it may be stretched, which nobody does.
  const width = ((frame[7] ?? 0) * 256 + (frame[6] ?? 0)) & 0x3fff
  const height = ((frame[9] ?? 0) * 256 + (frame[8] ?? 0)) & 0x3fff
  return width > 0 && height > 0 ? { width, height } : undefined
}
