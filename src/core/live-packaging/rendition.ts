/**
 * One track of a broadcast as it is played: a table of all its segments, the bytes of the last of them, and where those
 * of the others lie in the recording. All tracks of a broadcast number their segments alike.
 */

import { NumberList } from '../../lib/number-list.ts'
import type { ByteRange } from '../../lib/byte-range.ts'
import { assert } from '../../lib/failure.ts'
import { concatBytes } from '../../media/isobmff/write-boxes.ts'
import type { LiveFragment } from '../../media/live/fragment.ts'
import { codecOf, writeLiveInit } from '../../media/live/track-init.ts'
import type { LiveFormat } from '../../media/live/units.ts'

/** What is made for one configuration of a track, from a segment on. */
export type RenditionInit = {
  readonly firstSegment: number
  readonly format: LiveFormat
  readonly codec: string
  readonly bytes: Uint8Array
}

/** A part whose bytes are in memory; times in the rendition's timescale. */
export type LivePart = Pick<LiveFragment, 'decodeTime' | 'duration' | 'isSync' | 'bytes'>

/** A segment that is in memory, perhaps still being made. */
export type HeldSegment = {
  readonly number: number
  readonly parts: readonly LivePart[]
  /** All parts in one piece, once the segment is complete. */
  readonly whole: Uint8Array | null
}

type Held = { number: number; parts: LivePart[]; whole: Uint8Array | null; sizeBytes: number; stored: number }

export class Rendition {
  /** As in addresses. */
  readonly id: string
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  /** Lower rungs have a name, e.g. `360p`; what was published has none. */
  readonly rung: string | null
  /** Number of its first segment: a rung may begin later than the broadcast. */
  readonly firstSegment: number
  readonly inits: RenditionInit[] = []
  /** Where each segment begins. */
  readonly #starts = new NumberList()
  readonly #sizes = new NumberList('whole32')
  readonly #held = new Map<number, Held>()
  /** Per segment: its first fragment in the lists below, and where that one lies in the recording. */
  readonly #firstFragment = new NumberList('whole32')
  readonly #segmentPosition = new NumberList()
  /** Per fragment that is in the recording: where it lies from the segment's first one on, and its length. */
  readonly #offsets = new NumberList('whole32')
  readonly #lengths = new NumberList('whole32')
  #end = 0
  #complete = 0
  #heldBytes = 0
  #restoredBytes = 0
  #totalBytes = 0
  #totalTime = 0
  #totalSamples = 0
  #fragments = 0
  #peakBps = 0
  #longestTime = 0
  #firstAvailable: number

  constructor(options: {
    readonly id: string
    readonly kind: 'video' | 'audio'
    readonly timescale: number
    readonly rung?: string
    readonly firstSegment?: number
  }) {
    this.id = options.id
    this.kind = options.kind
    this.timescale = options.timescale
    this.rung = options.rung ?? null
    this.firstSegment = options.firstSegment ?? 0
    this.#firstAvailable = this.firstSegment
  }

  /** One more than the number of the last segment, which may still be made. */
  get endSegment(): number {
    return this.firstSegment + this.#starts.length
  }

  /** One more than the number of the last complete segment. */
  get completeSegment(): number {
    return this.firstSegment + this.#complete
  }

  /** Decode time after the last fragment. */
  get endTime(): number {
    return this.#end
  }

  /** Bytes of segments in memory. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The first segment from which on all can be had, from memory or from the recording. */
  get firstAvailable(): number {
    return this.#firstAvailable
  }

  /** Seconds of its longest complete segment; 0 while there is none. */
  get longestSeconds(): number {
    return this.#longestTime / this.timescale
  }

  /**
   * Largest and average rate of its segments, in bits per second; of what there is of the first one until that is whole.
   * Players read them once.
   */
  get peakBps(): number {
    return this.#peakBps === 0 ? this.averageBps : this.#peakBps
  }

  get averageBps(): number {
    return this.#totalTime === 0 ? 0 : (this.#totalBytes * 8 * this.timescale) / this.#totalTime
  }

  /** Pictures, or frames of sound, of it all. */
  get samples(): number {
    return this.#totalSamples
  }

  /** How many fragments it was made of. */
  get fragments(): number {
    return this.#fragments
  }

  /** Pictures, or frames of sound, in a second. */
  get samplesPerSecond(): number {
    return this.#totalTime === 0 ? 0 : (this.#totalSamples * this.timescale) / this.#totalTime
  }

  /** What the tables take in memory. */
  get tableBytes(): number {
    return [
      this.#starts,
      this.#sizes,
      this.#firstFragment,
      this.#segmentPosition,
      this.#offsets,
      this.#lengths,
    ].reduce((sum, list) => sum + list.sizeBytes, 0)
  }

  /** Decode times of a segment's begin and end, in the timescale; of one that is being made, its end so far. */
  times(segment: number): { readonly start: number; readonly end: number } | undefined {
    const index = segment - this.firstSegment
    const start = this.#starts.at(index < 0 ? Number.MAX_SAFE_INTEGER : index)
    return start === undefined ? undefined : { start, end: this.#starts.at(index + 1) ?? this.#end }
  }

  /** Number of the segment in which a decode time lies; the nearest where it lies in none. */
  segmentAt(time: number): number {
    return this.firstSegment + Math.max(0, this.#starts.countUpTo(time) - 1)
  }

  /** Bytes of a complete segment. */
  sizeOf(segment: number): number {
    return this.#sizes.at(Math.max(segment - this.firstSegment, 0)) ?? 0
  }

  /** A segment that is in memory. */
  held(segment: number): HeldSegment | undefined {
    return this.#held.get(segment)
  }

  /** The init segment that this segment needs, and its place in the list. */
  initOf(segment: number): { readonly init: RenditionInit; readonly index: number } {
    const index = Math.max(
      0,
      this.inits.findLastIndex(({ firstSegment }) => firstSegment <= segment),
    )
    const init = this.inits[index]
    assert(init !== undefined, `Rendition ${this.id} has no init segment.`)
    return { init, index }
  }

  /** Another configuration from this segment on. Throws `codec_config_broken`. */
  addInit(format: LiveFormat, trackId: number, firstSegment: number): void {
    const bytes = writeLiveInit([{ format, trackId }])
    this.inits.push({ firstSegment, format, codec: codecOf(format), bytes })
  }

  /** Takes a fragment in; the one before it is complete if this one starts a segment. */
  append(fragment: LiveFragment): void {
    if (fragment.startsSegment || this.#starts.length === 0) {
      this.completeLast()
      const number = this.endSegment
      this.#starts.push(fragment.decodeTime)
      this.#held.set(number, { number, parts: [], whole: null, sizeBytes: 0, stored: 0 })
    }
    const held = this.#held.get(this.endSegment - 1)
    assert(held !== undefined, 'The segment that is being made is in memory.')
    held.parts.push(fragment)
    held.sizeBytes += fragment.bytes.byteLength
    this.#heldBytes += fragment.bytes.byteLength
    this.#end = fragment.decodeTime + fragment.duration
    this.#count(fragment, fragment.bytes.byteLength)
  }

  /** Takes in a fragment that only the recording has. `startsSegment`: in this table. */
  restore(
    fragment: Omit<LiveFragment, 'bytes'> & { readonly position: number; readonly length: number },
    startsSegment: boolean,
  ): void {
    if (startsSegment) {
      this.completeLast()
      this.#starts.push(fragment.decodeTime)
      this.#restoredBytes = 0
    }
    const segment = this.endSegment - 1
    this.stored(segment, fragment.position, fragment.length)
    this.#end = fragment.decodeTime + fragment.duration
    this.#restoredBytes += fragment.length
    this.#count(fragment, fragment.length)
  }

  #count({ duration, sampleCount }: Omit<LiveFragment, 'bytes'>, bytes: number): void {
    this.#totalBytes += bytes
    this.#totalTime += duration
    this.#totalSamples += sampleCount
    this.#fragments += 1
  }

  /** Nothing more belongs to the last segment: its parts become views of one piece. */
  completeLast(): void {
    if (this.#complete === this.#starts.length) return
    this.#complete = this.#starts.length
    const held = this.#held.get(this.endSegment - 1)
    this.#sizes.push(held?.sizeBytes ?? this.#restoredBytes)
    this.#noteLast()
    if (held === undefined) return
    const whole = concatBytes(held.parts.map(({ bytes }) => bytes))
    let position = 0
    held.parts = held.parts.map((part) => {
      const end = position + part.bytes.byteLength
      const bytes = whole.subarray(position, end)
      position = end
      return { decodeTime: part.decodeTime, duration: part.duration, isSync: part.isSync, bytes }
    })
    held.whole = whole
  }

  /** A fragment now lies in the recording, the next one of those that have been made. */
  stored(segment: number, position: number, length: number): void {
    const index = segment - this.firstSegment
    while (this.#firstFragment.length <= index) {
      this.#firstFragment.push(this.#lengths.length)
      this.#segmentPosition.push(position)
    }
    this.#offsets.push(position - (this.#segmentPosition.at(index) ?? 0))
    this.#lengths.push(length)
    const held = this.#held.get(segment)
    if (held !== undefined) held.stored += 1
  }

  /** Where the fragments of a segment lie in the recording, in order; empty when they do not. */
  ranges(segment: number): readonly ByteRange[] {
    const index = segment - this.firstSegment
    const base = index < 0 ? undefined : this.#segmentPosition.at(index)
    if (base === undefined) return []
    const end = this.#firstFragment.at(index + 1) ?? this.#lengths.length
    const ranges: ByteRange[] = []
    for (let fragment = this.#firstFragment.at(index) ?? end; fragment < end; fragment += 1) {
      const start = base + (this.#offsets.at(fragment) ?? 0)
      ranges.push({ start, end: start + (this.#lengths.at(fragment) ?? 0) })
    }
    return ranges
  }

  /** The oldest segment in memory that is complete, and whether all of it lies in the recording. */
  oldestHeld(): { readonly number: number; readonly isStored: boolean } | undefined {
    const [oldest] = this.#held.values()
    if (oldest === undefined || oldest.whole === null) return undefined
    return { number: oldest.number, isStored: oldest.stored >= oldest.parts.length }
  }

  /** Lets go of a segment's bytes. */
  forget(segment: number): void {
    const held = this.#held.get(segment)
    if (held === undefined) return
    this.#held.delete(segment)
    this.#heldBytes -= held.sizeBytes
    if (held.stored < held.parts.length) this.#firstAvailable = Math.max(this.#firstAvailable, segment + 1)
  }

  #noteLast(): void {
    const { start, end } = this.times(this.endSegment - 1) ?? { start: 0, end: 0 }
    this.#longestTime = Math.max(this.#longestTime, end - start)
    const seconds = (end - start) / this.timescale
    // The rate of a very short segment says little.
    if (seconds >= PEAK_SECONDS) {
      this.#peakBps = Math.max(this.#peakBps, ((this.#sizes.at(-1) ?? 0) * 8) / seconds)
    }
  }
}

/** A stretch shorter than this says little about the rate. */
const PEAK_SECONDS = 0.5
