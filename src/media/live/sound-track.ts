/**
 * Frames of AAC → fragments on a grid of its own: the first frame is placed by its time, each further one follows the one
 * before, since the times of publishers are rounded and their sound is not. Where times are off by more than 100 ms, frames
 * are left out, or silent ones put in: the sound has neither holes nor overlaps, in the recording neither. Segments are
 * cut where the pictures' are.
 */

import { scaleTicks } from '../../lib/ticks.ts'
import { type FragmentSample, type LiveFragment, PART_SECONDS, writeFragment } from './fragment.ts'
import { silentFrame } from './silent-frame.ts'
import { type AccessUnit, LIVE_TIMESCALE } from './units.ts'

export type SoundTrackOptions = {
  readonly trackId: number
  /** Samples a second of the core coder, which is also the timescale. */
  readonly sampleRate: number
  readonly channels: number
  /** Core samples in a frame: 1,024, or 960. */
  readonly frameSamples: number
  readonly sequence: () => number
  readonly onFragment: (fragment: LiveFragment) => void
  /** The segment is complete; another one begins. */
  readonly onSegmentEnd: () => void
}

/** A cut that the sound has not reached yet; in samples. */
type Cut = { readonly at: number; readonly afterGap: boolean }

export class SoundTrack {
  readonly #options: SoundTrackOptions
  readonly #silent: Uint8Array
  readonly #framesOfPart: number
  readonly #cuts: Cut[] = []
  #samples: FragmentSample[] = []
  /** Where the next frame begins; null before the first segment does. */
  #next: number | null = null
  #partStart = 0
  #starts: Cut | null = null
  /** Frames of the present segment. */
  #inSegment = 0
  /** Whether silence is put in as the pictures go on, since no sound comes. */
  #away = false
  /** Whether the grid lies where the latest frames' times say. */
  #anchored = false
  /** Whether what comes next begins a segment, wherever that one is cut. */
  #closed = false

  constructor(options: SoundTrackOptions) {
    this.#options = options
    this.#silent = silentFrame(options.channels)
    this.#framesOfPart = Math.max(1, Math.floor((PART_SECONDS * options.sampleRate) / options.frameSamples))
  }

  /** A segment begins at this time, the first one included; frames before the first are dropped. */
  cut(ptsTicks: number, afterGap: boolean): void {
    const at = scaleTicks(ptsTicks, this.#options.sampleRate, LIVE_TIMESCALE)
    this.#cuts.push({ at, afterGap })
    // Silence over a whole hole would be heard by nobody: the pictures have it, too.
    const isFar = this.#closed && at - (this.#next ?? at) > this.#options.sampleRate * PATIENCE_SECONDS
    if (this.#next === null || isFar) this.#next = at
    this.#splitAt(at)
  }

  /** Goes on where a recording ends, in samples; what comes next begins a segment. */
  resumeAt(samples: number): void {
    this.#next = samples
    this.#closed = true
  }

  /** Where the sound made so far ends, in ticks of `LIVE_TIMESCALE`; null before the first segment. */
  get endTicks(): number | null {
    return this.#next === null ? null : scaleTicks(this.#next, LIVE_TIMESCALE, this.#options.sampleRate)
  }

  add(unit: AccessUnit): void {
    if (this.#next === null || this.#isWaiting) return
    const { sampleRate, frameSamples } = this.#options
    const off = scaleTicks(unit.pts, sampleRate, LIVE_TIMESCALE) - this.#next
    if (Math.abs(off) > sampleRate * TOLERANCE_SECONDS) this.#anchored = false
    if (!this.#anchored) {
      // What would be heard late, or lies beyond all reason, is left out.
      if (off < -frameSamples / 2 || off > sampleRate * MOST_SILENCE_SECONDS) return
      this.#silence(Math.round(off / frameSamples))
      this.#anchored = true
    }
    this.#away = false
    this.#place(unit.data)
  }

  /** The pictures have come to this time: where no sound has for a second, silence takes its place. */
  fill(ptsTicks: number): void {
    if (this.#next === null || this.#isWaiting) return
    const { sampleRate, frameSamples } = this.#options
    const behind = scaleTicks(ptsTicks, sampleRate, LIVE_TIMESCALE) - this.#next
    if (!this.#away && behind < sampleRate * PATIENCE_SECONDS) return
    this.#away = true
    this.#anchored = false
    this.#silence(Math.floor(behind / frameSamples))
  }

  /** Makes a fragment of what is there, with silence up to the cuts that were told; what comes next begins a segment. */
  finish(): void {
    const last = this.#cuts.at(-1)
    if (last !== undefined && this.#next !== null) {
      this.#silence(Math.max(1, Math.ceil((last.at - this.#next) / this.#options.frameSamples) + 1))
    }
    this.#flush()
    this.#anchored = false
    this.#closed = true
  }

  get #isWaiting(): boolean {
    return this.#closed && this.#cuts.length === 0
  }

  #silence(frames: number): void {
    for (let frame = 0; frame < frames; frame += 1) this.#place(this.#silent)
  }

  #place(data: Uint8Array): void {
    const { frameSamples } = this.#options
    const at = this.#next ?? 0
    const [cut] = this.#cuts
    // Nearest to the pictures' cut; and a segment has at least one frame, so that all tracks count alike.
    const isReached =
      cut !== undefined && at + frameSamples / 2 > cut.at && (this.#inSegment > 0 || cut.at === at)
    if (cut !== undefined && (isReached || this.#closed)) {
      this.#flush()
      if (this.#inSegment > 0 && !this.#closed) this.#options.onSegmentEnd()
      this.#cuts.shift()
      this.#starts = cut
      this.#inSegment = 0
      this.#closed = false
    }
    if (this.#samples.length === 0) this.#partStart = at
    this.#samples.push({ duration: frameSamples, compositionOffset: 0, sync: true, data: [data] })
    this.#next = at + frameSamples
    this.#inSegment += 1
    if (this.#samples.length >= this.#framesOfPart) this.#flush()
  }

  /** Sound that is ahead of the pictures: what has been gathered beyond a new cut belongs to the new segment. */
  #splitAt(at: number): void {
    const { frameSamples } = this.#options
    const before = Math.max(0, Math.round((at - this.#partStart) / frameSamples))
    if (this.#cuts.length !== 1 || before >= this.#samples.length || this.#samples.length === 0) return
    const beyond = this.#samples.slice(before)
    const isWhole = before === 0 && this.#inSegment === beyond.length
    if (isWhole) return
    this.#samples = this.#samples.slice(0, before)
    this.#flush()
    this.#options.onSegmentEnd()
    this.#starts = this.#cuts.shift() ?? null
    this.#partStart += before * frameSamples
    this.#samples = beyond
    this.#inSegment = beyond.length
  }

  #flush(): void {
    if (this.#samples.length === 0) return
    const { trackId, sequence, onFragment } = this.#options
    const fragment = writeFragment({
      trackId,
      sequence: sequence(),
      decodeTime: this.#partStart,
      samples: this.#samples,
      startsSegment: this.#starts !== null,
      afterGap: this.#starts?.afterGap === true,
    })
    this.#samples = []
    this.#starts = null
    onFragment(fragment)
  }
}

/** How far times may be off the grid. */
const TOLERANCE_SECONDS = 0.1
/** Holes of more are filled as the pictures go on. */
const MOST_SILENCE_SECONDS = 60
/** How late sound may be before silence takes its place. */
const PATIENCE_SECONDS = 1
