/** What is wrong with what is published, as far as it can be seen from outside the pictures (live.md §2). */

import { type AccessUnit, LIVE_TIMESCALE } from '../../media/live/units.ts'

/** What was found: `isFatal` ends the connection. */
export type Finding = {
  readonly code: 'ERR_GOP_OUT_OF_RANGE' | null
  readonly sentence: string
  readonly isFatal: boolean
}

/** Seconds between key frames; what encoders round is forgiven. */
const LEAST_GOP_SECONDS = 2
const MOST_GOP_SECONDS = 10
const LONGEST_GOP_SECONDS = 20
const GOP_TOLERANCE = 0.05
/** Key frames at cuts come as they like: so many short ones in a row are a setting. */
const SHORT_ONES = 4
/** Sound and picture together. Measured over so much of their own time, which costs nothing to whoever sends in bursts. */
const MOST_BITRATE_BPS = 20_000_000
const BITRATE_TICKS = 10 * LIVE_TIMESCALE

/** Looks at the units of one connection, which have steady times. */
export class StreamWatch {
  readonly #asksForKeyFrames: boolean
  #lastSync: number | null = null
  #shortOnes = 0
  #wasTold = false
  #countedFrom: number | null = null
  #countedBytes = 0

  /** `asksForKeyFrames`: they come when they are asked for (WebRTC), so their distance says nothing. */
  constructor(options: { asksForKeyFrames: boolean }) {
    this.#asksForKeyFrames = options.asksForKeyFrames
  }

  /** What this unit shows, if it is something; of what is only reported, the first time. */
  look(unit: AccessUnit): Finding | undefined {
    return this.#lookAtRate(unit) ?? (unit.kind === 'video' ? this.#lookAtGop(unit) : undefined)
  }

  #lookAtRate({ dts, data }: AccessUnit): Finding | undefined {
    this.#countedFrom ??= dts
    const ticks = dts - this.#countedFrom
    const countedBytes = this.#countedBytes
    this.#countedBytes += data.byteLength
    if (ticks < BITRATE_TICKS) return undefined
    // The unit that ends a count begins the next one.
    const bitrateBps = (countedBytes * 8 * LIVE_TIMESCALE) / ticks
    this.#countedFrom = dts
    this.#countedBytes = data.byteLength
    if (bitrateBps <= MOST_BITRATE_BPS) return undefined
    return {
      code: null,
      sentence: `The publisher sends ${megabits(bitrateBps)} Mbit/s, and at most ${megabits(MOST_BITRATE_BPS)} are taken; lower the bit rate of the encoder.`,
      isFatal: true,
    }
  }

  #lookAtGop(unit: AccessUnit): Finding | undefined {
    if (this.#asksForKeyFrames) return undefined
    const seconds = this.#lastSync === null ? 0 : (unit.dts - this.#lastSync) / LIVE_TIMESCALE
    if (seconds > LONGEST_GOP_SECONDS * (1 + GOP_TOLERANCE)) return this.#gop(seconds, true)
    if (!unit.isSync) {
      return seconds > MOST_GOP_SECONDS * (1 + GOP_TOLERANCE) ? this.#gopOnce(seconds) : undefined
    }
    const isFirst = this.#lastSync === null
    this.#lastSync = unit.dts
    const isShort = !isFirst && seconds < LEAST_GOP_SECONDS * (1 - GOP_TOLERANCE)
    this.#shortOnes = isShort ? this.#shortOnes + 1 : 0
    return this.#shortOnes >= SHORT_ONES ? this.#gopOnce(seconds) : undefined
  }

  #gopOnce(seconds: number): Finding | undefined {
    if (this.#wasTold) return undefined
    this.#wasTold = true
    return this.#gop(seconds, false)
  }

  #gop(seconds: number, isFatal: boolean): Finding {
    const range = `${LEAST_GOP_SECONDS} to ${isFatal ? LONGEST_GOP_SECONDS : MOST_GOP_SECONDS}`
    return {
      code: 'ERR_GOP_OUT_OF_RANGE',
      sentence: `Key frames are ${seconds.toFixed(1)} seconds apart, expected ${range}; set the keyframe interval of the encoder to 2 seconds.`,
      isFatal,
    }
  }
}

function megabits(bitrateBps: number): string {
  return (bitrateBps / 1_000_000).toFixed(1)
}
