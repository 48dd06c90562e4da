/** What a receiver reports on one stream (RFC 3550 §6.4.1, §A.3, §A.8). */

import type { ReceptionReport } from './rtcp.ts'
import { circleDistance, type RtpPacket } from './rtp-packet.ts'

export class RtpStatistics {
  readonly ssrc: number
  readonly #clockRate: number
  #first = -1
  #highest = -1
  #received = 0
  #expectedBefore = 0
  #receivedBefore = 0
  #transit = Number.NaN
  #jitter = 0
  #lastReport = 0
  #lastReportMs = 0

  constructor(ssrc: number, clockRate: number) {
    this.ssrc = ssrc
    this.#clockRate = clockRate
  }

  packet(packet: RtpPacket, nowMs: number): void {
    this.#received += 1
    if (this.#highest < 0) {
      this.#first = packet.sequence
      this.#highest = packet.sequence
    } else {
      const ahead = circleDistance(this.#highest % 65_536, packet.sequence, 16)
      if (ahead <= 0) return
      this.#highest += ahead
    }
    const arrival = (nowMs * this.#clockRate) / 1_000
    const transit = arrival - packet.timestamp
    const difference = Math.abs(transit - this.#transit)
    this.#transit = transit
    // A clock that wrapped or jumped says nothing about the network.
    if (difference < this.#clockRate) this.#jitter += (difference - this.#jitter) / 16
  }

  senderReport(compactNtp: number, nowMs: number): void {
    this.#lastReport = compactNtp
    this.#lastReportMs = nowMs
  }

  /** What is to be reported now, and how much of what was sent since the last time came; the next one counts from here. */
  report(nowMs: number): ReceptionReport & { readonly expected: number; readonly newLost: number } {
    const expected = this.#highest < 0 ? 0 : this.#highest - this.#first + 1
    const [newExpected, newReceived] = [
      expected - this.#expectedBefore,
      this.#received - this.#receivedBefore,
    ]
    this.#expectedBefore = expected
    this.#receivedBefore = this.#received
    const newLost = newExpected - newReceived
    return {
      ssrc: this.ssrc,
      expected: newExpected,
      newLost,
      fractionLost: newLost <= 0 ? 0 : Math.min(255, Math.floor((newLost * 256) / newExpected)),
      lost: Math.max(-0x800000, Math.min(0x7fffff, expected - this.#received)),
      highest: Math.max(0, this.#highest) % 2 ** 32,
      jitter: Math.floor(this.#jitter),
      lastReport: this.#lastReport,
      delay:
        this.#lastReport === 0 ? 0 : Math.round(((nowMs - this.#lastReportMs) * 65_536) / 1_000) % 2 ** 32,
    }
  }
}
