/** One stream as it is sent: numbers, times, counts, and what was sent last, for those who ask for it again. */

import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import { writeSenderReport } from '../../media/rtp/rtcp.ts'
import type { SentPacket } from './secure-channel.ts'

export type SentStreamOptions = {
  readonly ssrc: number
  readonly payloadType: number
  readonly clockRate: number
  readonly cname: string
  /** Packets that can be had again. */
  readonly history: number
}

/** From 1900, where NTP begins, to 1970 (RFC 5905 §6). */
const NTP_EPOCH_MS = 2_208_988_800_000

export class SentStream {
  readonly #options: SentStreamOptions
  readonly #history: (SentPacket | undefined)[]
  readonly #offset: number
  #sequence: number
  #packets = 0
  #bytes = 0

  /** `random`: numbers begin anywhere (RFC 3550 §5.1). */
  constructor(options: SentStreamOptions, random: { readonly sequence: number; readonly offset: number }) {
    this.#options = options
    this.#history = Array.from({ length: options.history })
    // Far from the wrap, which some receivers do not expect at once (RFC 3711 §3.3.1).
    this.#sequence = random.sequence % 32_768
    this.#offset = random.offset
  }

  get ssrc(): number {
    return this.#options.ssrc
  }

  /** The packets of one unit; the last one is marked. `ticks` of `LIVE_TIMESCALE`. */
  packets(payloads: readonly Uint8Array[], ticks: number, marks: boolean): SentPacket[] {
    const timestamp = this.#timestamp(ticks)
    return payloads.map((payload, index) => {
      const packet: SentPacket = {
        payloadType: this.#options.payloadType,
        marker: marks && index === payloads.length - 1,
        sequence: this.#sequence,
        timestamp,
        ssrc: this.#options.ssrc,
        payload,
      }
      this.#sequence = (this.#sequence + 1) % 65_536
      this.#history[packet.sequence % this.#history.length] = packet
      this.#packets += 1
      this.#bytes += payload.byteLength
      return packet
    })
  }

  /** What was sent under that number, if it is still known. */
  again(sequence: number): SentPacket | undefined {
    const packet = this.#history[sequence % this.#history.length]
    return packet?.sequence === sequence ? packet : undefined
  }

  /** Says that `ticks` is now (RFC 3550 §6.4.1), once something was sent. */
  report(ticks: number, wallMs: number): Uint8Array | undefined {
    if (this.#packets === 0) return undefined
    return writeSenderReport({
      ssrc: this.#options.ssrc,
      ntpMs: wallMs + NTP_EPOCH_MS,
      timestamp: this.#timestamp(ticks),
      packets: this.#packets,
      bytes: this.#bytes,
      cname: this.#options.cname,
    })
  }

  #timestamp(ticks: number): number {
    const own = Math.round((ticks * this.#options.clockRate) / LIVE_TIMESCALE) + this.#offset
    return ((own % 2 ** 32) + 2 ** 32) % 2 ** 32
  }
}
