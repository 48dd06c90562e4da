/**
 * The clocks of a publisher's picture and sound, brought together. Until sender reports tell how they belong together
 * (RFC 3550 §6.4.1) each begins when its first packet came; then the picture is moved to where it belongs, a little with
 * each one, since sound that moves is heard.
 */

import { LIVE_TIMESCALE } from '../live/units.ts'
import { circleDistance } from './rtp-packet.ts'

/** The most that a picture is moved at once: a thirtieth of a picture at 30 a second is seen by nobody. */
const STEP_TICKS = 180
/** More is moved at once; it would take too long. */
const FAR_TICKS = LIVE_TIMESCALE / 2

type Track = {
  readonly clockRate: number
  /** Time and wrapped timestamp of the last packet; times count ticks of LIVE_TIMESCALE from the session's first packet. */
  last: { readonly timestamp: number; readonly ticks: number } | undefined
  /** When, by the publisher's clock, time 0 of this track was. */
  ntpOfZeroMs: number | undefined
}

export class RtpClocks {
  readonly #video: Track
  readonly #audio: Track
  #beganMs: number | undefined
  #shift = 0

  constructor(rates: { readonly video: number; readonly audio: number }) {
    this.#video = { clockRate: rates.video, last: undefined, ntpOfZeroMs: undefined }
    this.#audio = { clockRate: rates.audio, last: undefined, ntpOfZeroMs: undefined }
  }

  /** The time of a unit in ticks of `LIVE_TIMESCALE`; units of a track in the order in which they were sent. */
  time(kind: 'video' | 'audio', timestamp: number, nowMs: number): number {
    this.#beganMs ??= nowMs
    const track = kind === 'video' ? this.#video : this.#audio
    const ticks =
      track.last === undefined
        ? ((nowMs - this.#beganMs) * LIVE_TIMESCALE) / 1_000
        : track.last.ticks + ticksBetween(track, track.last.timestamp, timestamp)
    track.last = { timestamp, ticks }
    if (kind === 'video') this.#moveShift()
    return Math.round(kind === 'video' ? ticks + this.#shift : ticks)
  }

  /** What the publisher said of a track. */
  senderReport(kind: 'video' | 'audio', ntpMs: number, timestamp: number): void {
    const track = kind === 'video' ? this.#video : this.#audio
    if (track.last === undefined) return
    const ticks = track.last.ticks + ticksBetween(track, track.last.timestamp, timestamp)
    track.ntpOfZeroMs = ntpMs - (ticks * 1_000) / LIVE_TIMESCALE
  }

  #moveShift(): void {
    if (this.#video.ntpOfZeroMs === undefined || this.#audio.ntpOfZeroMs === undefined) return
    const wanted = ((this.#video.ntpOfZeroMs - this.#audio.ntpOfZeroMs) * LIVE_TIMESCALE) / 1_000
    const left = wanted - this.#shift
    this.#shift += Math.abs(left) > FAR_TICKS ? left : Math.max(-STEP_TICKS, Math.min(STEP_TICKS, left))
  }
}

function ticksBetween(track: Track, from: number, to: number): number {
  return (circleDistance(from, to, 32) * LIVE_TIMESCALE) / track.clockRate
}
