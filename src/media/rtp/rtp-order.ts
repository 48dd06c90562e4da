/**
 * Puts the packets of one stream back in order and tells which to ask for again (RFC 4585 §3.5). What does not come in
 * time is given up: the packet after it says so. How long to wait follows from how long answers have taken.
 */

import { circleDistance, type RtpPacket } from './rtp-packet.ts'

/** A packet whose predecessors have come, or have been given up. */
export type OrderedPacket = { readonly packet: RtpPacket; readonly lostBefore: boolean }

/** A gap of more is a sender that began anew. */
const MOST_AHEAD = 3_000
const MOST_MISSING = 1_024
/** Packets overtake each other; nobody asks before this. */
const OVERTAKING_MS = 8
const MOST_ASKS = 10
const FIRST_ROUND_TRIP_MS = 150
const LEAST_WAIT_MS = 120
const MOST_WAIT_MS = 1_000
/** How long an answer that comes too late still teaches how long answers take. */
const REMEMBERED_MS = 3_000

type Missing = { readonly sinceMs: number; asks: number; askedMs: number; givenUp: boolean }

export class RtpOrder {
  readonly #asks: boolean
  readonly #waitMs: number | undefined
  readonly #held = new Map<number, RtpPacket>()
  /** By sequence number without its wraps; in order of them. */
  readonly #missing = new Map<number, Missing>()
  #highest = -1
  #next = -1
  #lost = false
  #roundTripMs = FIRST_ROUND_TRIP_MS

  /** `asks`: missing packets can be had again; otherwise they are waited for `waitMs`. */
  constructor(manner: { readonly asks: true } | { readonly asks: false; readonly waitMs: number }) {
    this.#asks = manner.asks
    this.#waitMs = manner.asks ? undefined : manner.waitMs
  }

  /** Whether `take` and `missing` may have something later without another packet. */
  get isWaiting(): boolean {
    return this.#held.size > 0 || this.#missing.size > 0
  }

  push(packet: RtpPacket, nowMs: number): void {
    if (this.#highest < 0) this.#begin(packet.sequence)
    const number = this.#highest + circleDistance(this.#highest % 65_536, packet.sequence, 16)
    if (Math.abs(number - this.#highest) > MOST_AHEAD) {
      this.#held.clear()
      this.#missing.clear()
      this.#lost = true
      this.#begin(packet.sequence)
      this.#highest += 1
      this.#held.set(this.#highest, packet)
      return
    }
    this.#answered(number, nowMs)
    if (number < this.#next || this.#held.has(number)) return
    for (let each = this.#highest + 1; each < number && this.#missing.size < MOST_MISSING; each += 1) {
      this.#missing.set(each, { sinceMs: nowMs, asks: 0, askedMs: 0, givenUp: false })
    }
    this.#highest = Math.max(this.#highest, number)
    this.#held.set(number, packet)
  }

  /** Those whose turn it is. */
  take(nowMs: number): OrderedPacket[] {
    const taken: OrderedPacket[] = []
    for (;;) {
      const packet = this.#held.get(this.#next)
      if (packet !== undefined) {
        this.#held.delete(this.#next)
        taken.push({ packet, lostBefore: this.#lost })
        this.#lost = false
        this.#next += 1
      } else if (this.#held.size > 0 && this.#isGivenUp(this.#next, nowMs)) {
        this.#lost = true
        this.#next += 1
      } else return taken
    }
  }

  /** Those to ask for now, sorted; each is asked for again when an answer should have come. */
  missing(nowMs: number): number[] {
    const due: number[] = []
    for (const [number, missing] of this.#missing) {
      if (nowMs - missing.sinceMs > REMEMBERED_MS) this.#missing.delete(number)
      if (!this.#asks || missing.givenUp || missing.asks >= MOST_ASKS) continue
      const dueMs =
        missing.asks === 0 ? missing.sinceMs + OVERTAKING_MS : missing.askedMs + this.#roundTripMs * 1.25
      if (nowMs < dueMs) continue
      missing.asks += 1
      missing.askedMs = nowMs
      due.push(number % 65_536)
    }
    return due
  }

  #begin(sequence: number): void {
    // One cycle ahead, so that packets from before the first have numbers too.
    this.#highest = 65_536 + sequence - 1
    this.#next = this.#highest + 1
  }

  #answered(number: number, nowMs: number): void {
    const missing = this.#missing.get(number)
    if (missing === undefined) return
    this.#missing.delete(number)
    // After several questions nobody knows which was answered; it took at least since the last.
    if (missing.asks === 0) return
    const tookMs = nowMs - missing.askedMs
    if (missing.asks === 1) this.#roundTripMs += (tookMs - this.#roundTripMs) / 4
    else this.#roundTripMs = Math.max(this.#roundTripMs, tookMs)
  }

  #isGivenUp(number: number, nowMs: number): boolean {
    const missing = this.#missing.get(number)
    if (missing === undefined) return true
    const waitMs = this.#waitMs ?? Math.min(Math.max(this.#roundTripMs * 3, LEAST_WAIT_MS), MOST_WAIT_MS)
    if (nowMs - missing.sinceMs < waitMs) return false
    missing.givenUp = true
    return true
  }
}
