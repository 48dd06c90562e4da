/** What readers of pictures from RTP have in common: whole pictures come out, and after a loss only from a key frame on. */

import type { VideoFormat } from '../live/units.ts'
import type { OrderedPacket } from './rtp-order.ts'

/** A picture whose packets have all come. */
export type RtpPicture = {
  /** 32 bits, 90 kHz. */
  readonly timestamp: number
  readonly isSync: boolean
  /** As in `AccessUnit`. */
  readonly data: Uint8Array
  /** That of this picture and those after it; told with key frames. */
  readonly format: VideoFormat | undefined
}

/** Reads the packets of one stream, in order. */
export interface PictureReader {
  /** The pictures that this packet completes: the one before, its own, or both. */
  push(ordered: OrderedPacket): RtpPicture[]
  /** Whether nothing comes out before a key frame does: one should be asked for. */
  readonly needsSync: boolean
}

/** No picture of a live broadcast is larger; longer ones are thrown away. */
export const MOST_PICTURE_BYTES = 8 * 1024 * 1024
