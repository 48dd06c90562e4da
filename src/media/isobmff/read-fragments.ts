/** Movie fragments (`moof`, ISO/IEC 14496-12 §8.8) appended to the sample tables of their tracks. */

import type { SampleTable } from './movie.ts'
import { type Box, childBoxes, type FieldReader, fieldsOf, malformed } from './read-boxes.ts'
import { allocateSamples, type SampleBudget } from './sample-table.ts'

/** What `trex` says of a track's samples where a fragment does not (§8.8.3). */
export type FragmentDefaults = { readonly duration: number; readonly size: number; readonly flags: number }

/** Reads the `trex` boxes of `mvex`, by track id. Throws `mp4_…`. */
export function readFragmentDefaults(bytes: Uint8Array, mvex: Box): Map<number, FragmentDefaults> {
  const defaults = new Map<number, FragmentDefaults>()
  for (const box of childBoxes(bytes, mvex.bodyStart, mvex.end)) {
    if (box.type !== 'trex') continue
    const fields = fieldsOf(bytes, box)
    fields.skip(4)
    const trackId = fields.u32()
    fields.skip(4)
    defaults.set(trackId, { duration: fields.u32(), size: fields.u32(), flags: fields.u32() })
  }
  return defaults
}

/** §8.8.3.1: the sample does not depend on being a sync sample when this bit is set. */
const NON_SYNC = 0x00010000

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Runs of one track in one fragment: writers that interleave finely have one for each sample. */
const MAX_RUNS = 100_000

const TFHD_BASE_DATA_OFFSET = 0x000001
const TFHD_DESCRIPTION_INDEX = 0x000002
const TFHD_DURATION = 0x000008
const TFHD_SIZE = 0x000010
const TFHD_FLAGS = 0x000020
const TFHD_BASE_IS_MOOF = 0x020000

const TRUN_DATA_OFFSET = 0x001
const TRUN_FIRST_FLAGS = 0x004
const TRUN_DURATION = 0x100
const TRUN_SIZE = 0x200
const TRUN_FLAGS = 0x400
const TRUN_COMPOSITION_OFFSET = 0x800

/** One track's samples while fragments arrive: arrays that double when they are full. */
export class GrowingSamples {
  readonly #budget: SampleBudget
  readonly #name: string
  readonly defaults: FragmentDefaults
  #samples: Mutable<SampleTable>
  #count: number

  constructor(
    initial: SampleTable,
    options: { defaults: FragmentDefaults; budget: SampleBudget; name: string },
  ) {
    this.#samples = { ...initial }
    this.#count = initial.count
    this.defaults = options.defaults
    this.#budget = options.budget
    this.#name = options.name
  }

  /** Where the next sample begins unless a `tfdt` says otherwise. */
  get endTime(): number {
    return this.#samples.endTime
  }

  /**
   * Moves to the decode time of the next fragment. Fragments written by other clocks may begin a little before the
   * last sample's end; beginning before its start would turn time back. Throws `mp4_fragment_out_of_order` then.
   */
  startAt(decodeTime: number): void {
    const last = this.#count > 0 ? this.#samples.decodeTimes[this.#count - 1] : undefined
    if (last !== undefined && decodeTime < last) {
      throw malformed(
        'mp4_fragment_out_of_order',
        this.#name,
        `has a fragment that starts at ${decodeTime} ticks, before its previous sample at ${last}`,
      )
    }
    this.#samples.endTime = decodeTime
  }

  /** Makes room for `count` more samples, within the movie's budget. */
  reserve(count: number): void {
    this.#budget.take(count, "'trun'")
    const needed = this.#count + count
    if (needed <= this.#samples.offsets.length) return
    const grown = allocateSamples(Math.max(needed, 2 * this.#samples.offsets.length, 256))
    copyInto(grown, this.#samples, this.#count)
    this.#samples = grown
  }

  /** Appends one sample; `reserve` has made room. */
  push(offset: number, size: number, duration: number, compositionOffset: number, flags: number): void {
    const samples = this.#samples
    const index = this.#count
    samples.offsets[index] = offset
    samples.sizes[index] = size
    samples.decodeTimes[index] = samples.endTime
    samples.compositionOffsets[index] = compositionOffset
    samples.sync[index] = flags & NON_SYNC ? 0 : 1
    samples.endTime += duration
    this.#count = index + 1
  }

  /** The finished table, in arrays of exactly its length. */
  finish(): SampleTable {
    if (this.#samples.offsets.length === this.#count) return { ...this.#samples, count: this.#count }
    const exact = allocateSamples(this.#count)
    copyInto(exact, this.#samples, this.#count)
    return exact
  }
}

/**
 * Reads one `moof` held in `bytes`, which lies at `moofStart` in the file, and appends its samples. Fragments of
 * tracks not in `tracks` are passed over. Throws `mp4_…`.
 */
export function readFragment(
  bytes: Uint8Array,
  moofStart: number,
  tracks: ReadonlyMap<number, GrowingSamples | null>,
): void {
  // §8.8.7: without an explicit base the first track's data are counted from the moof, the next ones' from where the
  // data of the track before ended.
  let previousEnd = moofStart
  const moof = childBoxes(bytes, 0, bytes.byteLength).next().value
  if (moof === undefined) return
  for (const traf of childBoxes(bytes, moof.bodyStart, moof.end)) {
    if (traf.type === 'traf') previousEnd = readTrackFragment(bytes, traf, { moofStart, previousEnd, tracks })
  }
}

function readTrackFragment(
  bytes: Uint8Array,
  traf: Box,
  context: { moofStart: number; previousEnd: number; tracks: ReadonlyMap<number, GrowingSamples | null> },
): number {
  const boxes = [...childBoxes(bytes, traf.bodyStart, traf.end, { limit: MAX_RUNS })]
  const tfhd = boxes.find((box) => box.type === 'tfhd')
  if (tfhd === undefined) throw malformed('mp4_fragment_broken', "'traf'", "has no 'tfhd'", traf.start)
  const header = readTrackFragmentHeader(fieldsOf(bytes, tfhd), context)
  const samples = context.tracks.get(header.trackId)
  if (samples === undefined) {
    const problem = `names track ${header.trackId}, which the movie does not have`
    throw malformed('mp4_fragment_track_unknown', "'tfhd'", problem, tfhd.start)
  }
  const tfdt = boxes.find((box) => box.type === 'tfdt')
  if (tfdt !== undefined && samples !== null) samples.startAt(readDecodeTime(fieldsOf(bytes, tfdt)))
  const defaults = { ...(samples?.defaults ?? NO_DEFAULTS), ...header.defaults }
  let position = header.base
  for (const box of boxes) {
    if (box.type === 'trun') {
      position = readRun(fieldsOf(bytes, box), { base: header.base, position, defaults, samples })
    }
  }
  return position
}

const NO_DEFAULTS: FragmentDefaults = { duration: 0, size: 0, flags: 0 }

function readTrackFragmentHeader(
  fields: FieldReader,
  { moofStart, previousEnd }: { moofStart: number; previousEnd: number },
): { trackId: number; base: number; defaults: Partial<FragmentDefaults> } {
  const flags = fields.u32() & 0xffffff
  const trackId = fields.u32()
  let base = flags & TFHD_BASE_IS_MOOF ? moofStart : previousEnd
  if (flags & TFHD_BASE_DATA_OFFSET) base = fields.u64()
  if (flags & TFHD_DESCRIPTION_INDEX) fields.skip(4)
  const defaults: Partial<Mutable<FragmentDefaults>> = {}
  if (flags & TFHD_DURATION) defaults.duration = fields.u32()
  if (flags & TFHD_SIZE) defaults.size = fields.u32()
  if (flags & TFHD_FLAGS) defaults.flags = fields.u32()
  return { trackId, base, defaults }
}

function readDecodeTime(fields: FieldReader): number {
  const version = fields.u8()
  fields.skip(3)
  return version === 1 ? fields.u64() : fields.u32()
}

/** Reads one `trun` (§8.8.8) and answers where its data end. */
function readRun(
  fields: FieldReader,
  run: { base: number; position: number; defaults: FragmentDefaults; samples: GrowingSamples | null },
): number {
  const { base, defaults, samples } = run
  const flags = fields.u32() & 0xffffff
  const count = fields.u32()
  let position = flags & TRUN_DATA_OFFSET ? base + fields.i32() : run.position
  if (position < 0) {
    throw fields.fail('mp4_fragment_broken', 'places its data before the start of the file')
  }
  const firstFlags = flags & TRUN_FIRST_FLAGS ? fields.u32() : undefined
  const has = {
    duration: (flags & TRUN_DURATION) !== 0,
    size: (flags & TRUN_SIZE) !== 0,
    flags: (flags & TRUN_FLAGS) !== 0,
    offset: (flags & TRUN_COMPOSITION_OFFSET) !== 0,
  }
  fields.requireEntries(count, 4 * [has.duration, has.size, has.flags, has.offset].filter(Boolean).length)
  samples?.reserve(count)
  // A track nobody reads is only measured, so that the next track's data are found; equal samples in one step.
  if (samples === null && !has.size) return position + count * defaults.size
  for (let index = 0; index < count; index += 1) {
    const duration = has.duration ? fields.u32() : defaults.duration
    const size = has.size ? fields.u32() : defaults.size
    const ownFlags = has.flags ? fields.u32() : defaults.flags
    // Signed whatever the version says, as in `ctts`.
    const offset = has.offset ? fields.i32() : 0
    if (samples !== null) {
      if (size === 0) throw fields.fail('mp4_sample_empty', `says that sample ${index + 1} is empty`)
      if (duration >= 2 ** 31) {
        throw fields.fail('mp4_sample_times_broken', `gives sample ${index + 1} a negative duration`)
      }
      samples.push(
        position,
        size,
        duration,
        offset,
        index === 0 && firstFlags !== undefined ? firstFlags : ownFlags,
      )
    }
    position += size
  }
  return position
}

function copyInto(to: Mutable<SampleTable>, from: SampleTable, count: number): void {
  to.offsets.set(from.offsets.subarray(0, count))
  to.sizes.set(from.sizes.subarray(0, count))
  to.decodeTimes.set(from.decodeTimes.subarray(0, count))
  to.compositionOffsets.set(from.compositionOffsets.subarray(0, count))
  to.sync.set(from.sync.subarray(0, count))
  to.endTime = from.endTime
}
