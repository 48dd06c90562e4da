/** Frames of AAC out of PES packets: several in one, one in several, each at its time on the grid of its samples. */

import { type AccessUnit, LIVE_TIMESCALE, type SoundFormat } from '../live/units.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { AAC_FRAME_SAMPLES, ADTS_HEAD_BYTES, type AdtsHead, formatOfAdts, readAdtsHead } from './adts.ts'
import { CLOCK_WRAP } from './packets.ts'
import { nearest, type PesPacket } from './pes.ts'

/** What is told; data is the listener's own. */
export type SoundListener = {
  format(format: SoundFormat): void
  unit(unit: AccessUnit): void
}

/** Reads the frames of one stream. Holds on to less than one frame. */
export class AdtsFrameReader {
  readonly #listener: SoundListener
  #rest: Uint8Array = new Uint8Array(0)
  #config: number | undefined
  #frameTicks = 0
  /** When the next frame is heard; undefined until a packet says so. */
  #next: number | undefined
  /** Bytes that belong to no frame. */
  skippedBytes = 0

  constructor(listener: SoundListener) {
    this.#listener = listener
  }

  /** The next PES packet. */
  push({ pts, data }: PesPacket): void {
    const bytes = concatBytes([this.#rest, data])
    // §2.4.3.7: the time is that of the first frame that begins in this packet.
    let time = pts === undefined ? undefined : { from: this.#rest.byteLength, pts }
    let at = 0
    while (bytes.byteLength - at >= ADTS_HEAD_BYTES) {
      const head = readAdtsHead(bytes, at)
      const isTimed = time !== undefined && at >= time.from
      // Another configuration in the middle of a packet is rather a damaged head.
      if (head === undefined || !(isTimed || (this.#config ?? head.config) === head.config)) {
        at += 1
        this.skippedBytes += 1
        continue
      }
      if (at + head.frameBytes > bytes.byteLength) break
      if (isTimed && time !== undefined) {
        this.#setTime(time.pts, head.config)
        time = undefined
      }
      this.#give(bytes.slice(at + head.headBytes, at + head.frameBytes), head)
      at += head.frameBytes
    }
    // The time belongs to a frame whose end has not come: on the grid, or nothing is known of the grid yet.
    if (time !== undefined && this.#next === undefined) this.#next = time.pts
    this.#rest = bytes.slice(at)
  }

  /** Something is missing: what was begun is given up, and the next packet says the time anew. */
  lose(): void {
    this.#rest = new Uint8Array(0)
    this.#next = undefined
  }

  #setTime(pts: number, config: number): void {
    const tolerance = this.#frameTicks / 2
    const isOnGrid = this.#next !== undefined && Math.abs(nearest(pts - this.#next)) < tolerance
    if (!isOnGrid || this.#config !== config) this.#next = pts
  }

  #give(data: Uint8Array, { config }: AdtsHead): void {
    if (this.#next === undefined) return
    if (this.#config !== config) {
      const format = formatOfAdts(config)
      this.#config = config
      this.#frameTicks = (AAC_FRAME_SAMPLES * LIVE_TIMESCALE) / format.sampleRate
      this.#listener.format(format)
    }
    const time = Math.round(this.#next)
    this.#next = (this.#next + this.#frameTicks) % CLOCK_WRAP
    this.#listener.unit({ kind: 'audio', dts: time, pts: time, isSync: true, data })
  }
}
