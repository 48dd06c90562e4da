/**
 * Coded pictures → fragments. A picture's duration is known when the next one comes, so a fragment is made one picture
 * after its last. Composition offsets are signed (ISO/IEC 14496-12 §8.8.8.1, version 1): a segment's decode time is the
 * moment its sync picture is shown, as DASH wants it, and no edit list is needed where pictures are reordered.
 */

import { type FragmentSample, type LiveFragment, PART_SECONDS, writeFragment } from './fragment.ts'
import { type AccessUnit, LIVE_TIMESCALE } from './units.ts'

/** A place where a segment begins. */
export type SegmentStart = { readonly afterGap: boolean }

export type PictureTrackOptions = {
  readonly trackId: number
  /** The number of the next fragment. */
  readonly sequence: () => number
  readonly onFragment: (fragment: LiveFragment) => void
  /** The segment is complete; another one begins. */
  readonly onSegmentEnd: () => void
  /**
   * Asked for each sync picture, and for each picture of a segment that lasts too long: whether a segment begins with it.
   * Times in ticks of `LIVE_TIMESCALE`.
   */
  readonly startsSegment: (ptsTicks: number) => SegmentStart | null
}

type Waiting = { readonly unit: AccessUnit; readonly decode: number; readonly data: readonly Uint8Array[] }

export class PictureTrack {
  readonly #options: PictureTrackOptions
  /** Parameter sets, each behind its length, that go before every sync picture; empty while the init segment's are right. */
  #inBand: readonly Uint8Array[] = []
  /** What is added to `dts`: the difference of the latest segment's first picture. */
  #shift = 0
  #waiting: Waiting | undefined
  /** Samples of the fragment that is being gathered. */
  #samples: FragmentSample[] = []
  #partStart = 0
  #segmentStart = 0
  #start: SegmentStart | null = null
  #lastDuration = LIVE_TIMESCALE / 30
  #begun = false

  constructor(options: PictureTrackOptions) {
    this.#options = options
  }

  /** From the next sync picture on its parameter sets are in band. */
  sendInBand(parameterSets: readonly Uint8Array[]): void {
    this.#inBand = parameterSets
  }

  /** Pictures before the first sync picture are dropped. */
  add(unit: AccessUnit): void {
    if (!this.#begun && !unit.isSync) return
    const overlong = unit.dts + this.#shift - this.#segmentStart >= LONGEST_SEGMENT_TICKS
    const start = unit.isSync || overlong ? this.#options.startsSegment(unit.pts) : null
    if (start !== null && unit.isSync) this.#shift = unit.pts - unit.dts
    const decode = this.#decodeTime(unit)
    this.#settle(decode)
    if (start !== null) {
      this.#flush()
      if (this.#begun) this.#options.onSegmentEnd()
      this.#start = start
      this.#segmentStart = decode
    }
    this.#begun = true
    const data = unit.isSync ? [...this.#inBand, unit.data] : [unit.data]
    this.#waiting = { unit, decode, data }
  }

  /** Makes a fragment of what is there; what comes next does not follow it, so decoding begins with a sync picture. */
  finish(): void {
    if (this.#waiting !== undefined) this.#settle(this.#waiting.decode + this.#lastDuration)
    this.#flush()
    this.#begun = false
  }

  /** Times of decoding rise with every picture (§8.6.1.2 allows 0, many readers do not). */
  #decodeTime(unit: AccessUnit): number {
    const decode = Math.max(0, unit.dts + this.#shift)
    return this.#waiting === undefined ? decode : Math.max(decode, this.#waiting.decode + 1)
  }

  /** The picture that waits lasts until `end`. */
  #settle(end: number): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    const duration = end - waiting.decode
    this.#lastDuration = duration
    if (this.#samples.length === 0) this.#partStart = waiting.decode
    // A picture that lasted longer than was to be expected gets a fragment of its own.
    else if (end - this.#partStart > PART_TICKS) this.#flush()
    if (this.#samples.length === 0) this.#partStart = waiting.decode
    this.#samples.push({
      duration,
      compositionOffset: waiting.unit.pts - waiting.decode,
      sync: waiting.unit.isSync,
      data: waiting.data,
    })
    // One more like it would not fit. Where only its rounding decides, it is waited for.
    if (end - this.#partStart + duration > PART_TICKS + ROUNDING_TICKS) this.#flush()
  }

  #flush(): void {
    if (this.#samples.length === 0) return
    const { trackId, sequence, onFragment } = this.#options
    const fragment = writeFragment({
      trackId,
      sequence: sequence(),
      decodeTime: this.#partStart,
      samples: this.#samples,
      startsSegment: this.#start !== null,
      afterGap: this.#start?.afterGap === true,
    })
    this.#samples = []
    this.#start = null
    onFragment(fragment)
  }
}

const PART_TICKS = PART_SECONDS * LIVE_TIMESCALE
/** RTMP counts milliseconds, so durations of pictures differ by one. */
const ROUNDING_TICKS = 0.0011 * LIVE_TIMESCALE
/** A group of pictures that lasts longer is cut all the same, so that what is in memory has an end (live.md §2). */
const LONGEST_SEGMENT_TICKS = 20 * LIVE_TIMESCALE
