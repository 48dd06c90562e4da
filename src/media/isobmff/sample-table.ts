/** The sample table (`stbl`, ISO/IEC 14496-12 §8.5 to §8.7) as typed arrays. */

import type { SampleTable } from './movie.ts'
import { type Box, childBoxes, type FieldReader, fieldsOf, malformed } from './read-boxes.ts'
import type { SoundPacking } from './sample-entry.ts'

/**
 * Samples of all tracks of one movie together: ten hours of 60 pictures a second with five tracks of sound. 25 bytes
 * each, so a hostile header cannot make us hold more than 200 MB.
 */
export const MAX_SAMPLES = 8_000_000

/**
 * How many samples may still be read of one movie: never more than the file has bytes, since none is empty and none
 * overlaps another, so a small file cannot claim much memory.
 */
export class SampleBudget {
  readonly #limit: number
  #left: number

  constructor(fileBytes: number) {
    this.#limit = Math.min(MAX_SAMPLES, fileBytes)
    this.#left = this.#limit
  }

  /** Throws `mp4_too_many_samples` when `count` is more than what is left. */
  take(count: number, where: string): void {
    if (count > this.#left) {
      const problem = `claims ${count} samples; a file of this size may have ${this.#limit} in all`
      throw malformed('mp4_too_many_samples', where, problem)
    }
    this.#left -= count
  }
}

/** A table without samples. */
export function emptySamples(): SampleTable {
  return allocateSamples(0)
}

/** Zeroed arrays for `count` samples; the caller fills them. */
export function allocateSamples(count: number): { -readonly [K in keyof SampleTable]: SampleTable[K] } {
  return {
    count,
    offsets: new Float64Array(count),
    sizes: new Uint32Array(count),
    decodeTimes: new Float64Array(count),
    compositionOffsets: new Int32Array(count),
    sync: new Uint8Array(count),
    endTime: 0,
  }
}

type Tables = Readonly<Record<string, Box | undefined>>

/**
 * Reads `stbl` (an empty one, as in fragmented files, gives no samples). Sound whose table counts single PCM samples is
 * read chunk by chunk, each chunk as one sample: a two-hour film would otherwise have 345 million. Throws
 * `mp4_…`.
 */
export function readSampleTable(
  bytes: Uint8Array,
  stbl: Box,
  options: { budget: SampleBudget; sound: boolean; packing: SoundPacking | null },
): SampleTable {
  const tables: Record<string, Box> = {}
  for (const box of childBoxes(bytes, stbl.bodyStart, stbl.end)) tables[box.type] ??= box
  const sizes = readSizes(bytes, tables)
  if (sizes.count === 0) return emptySamples()
  const durations = requireTable(bytes, tables, 'stts')
  const counted = readCountedTable(durations, 8)
  const single = counted === 1 && durations.view.getUint32(durations.position + 4) === 1
  if (options.sound && sizes.constant > 0 && single) return readPackedSound(bytes, tables, sizes, options)
  options.budget.take(sizes.count, "'stsz'")
  const samples = allocateSamples(sizes.count)
  fillSizes(samples.sizes, sizes)
  samples.endTime = fillDecodeTimes(samples.decodeTimes, durations, counted)
  fillCompositionOffsets(samples.compositionOffsets, bytes, tables)
  fillSync(samples.sync, bytes, tables)
  fillOffsets(samples, bytes, tables)
  return samples
}

type Sizes = {
  readonly count: number
  /** Size of every sample; 0 = each has its own in `fields`. */
  readonly constant: number
  readonly fields: FieldReader
  readonly fieldBits: number
}

function readSizes(bytes: Uint8Array, tables: Tables): Sizes {
  if (tables['stsz'] !== undefined) {
    const fields = requireTable(bytes, tables, 'stsz')
    const constant = fields.u32()
    const count = fields.u32()
    if (constant === 0) fields.requireEntries(count, 4)
    return { count, constant, fields, fieldBits: 32 }
  }
  if (tables['stz2'] !== undefined) {
    const fields = requireTable(bytes, tables, 'stz2')
    const fieldBits = fields.u32() & 0xff
    const count = fields.u32()
    if (![4, 8, 16].includes(fieldBits)) {
      const problem = `has fields of ${fieldBits} bits, expected 4, 8 or 16`
      throw fields.fail('mp4_description_broken', problem)
    }
    fields.requireEntries(count, fieldBits / 8)
    return { count, constant: 0, fields, fieldBits }
  }
  throw malformed('mp4_box_missing', "'stbl'", "has no table of sample sizes ('stsz')")
}

function fillSizes(target: Uint32Array, { constant, fields, fieldBits }: Sizes): void {
  if (constant > 0) {
    target.fill(constant)
    return
  }
  const { view, position } = fields
  for (let index = 0; index < target.length; index += 1) {
    let size: number
    if (fieldBits === 32) size = view.getUint32(position + index * 4)
    else if (fieldBits === 16) size = view.getUint16(position + index * 2)
    else if (fieldBits === 8) size = view.getUint8(position + index)
    else size = (view.getUint8(position + (index >> 1)) >> (index % 2 === 0 ? 4 : 0)) & 15
    if (size === 0) throw fields.fail('mp4_sample_empty', `says that sample ${index + 1} is empty`)
    target[index] = size
  }
}

/** Fills the decode times and answers the time at which the last sample ends. */
function fillDecodeTimes(target: Float64Array, fields: FieldReader, entries: number): number {
  const { view, position } = fields
  let time = 0
  let sample = 0
  for (let entry = 0; entry < entries && sample < target.length; entry += 1) {
    const run = view.getUint32(position + entry * 8)
    const delta = view.getUint32(position + entry * 8 + 4)
    // §8.6.1.2: deltas are not negative; files that have such "large" ones meant a negative one.
    if (delta >= 2 ** 31) {
      throw fields.fail('mp4_sample_times_broken', `gives sample ${sample + 1} a negative duration`)
    }
    const end = Math.min(sample + run, target.length)
    for (; sample < end; sample += 1) {
      target[sample] = time
      time += delta
    }
  }
  if (sample < target.length) {
    const problem = `gives times to ${sample} samples, but there are ${target.length}`
    throw fields.fail('mp4_tables_contradict', problem)
  }
  return time
}

function fillCompositionOffsets(target: Int32Array, bytes: Uint8Array, tables: Tables): void {
  if (tables['ctts'] === undefined) return
  const fields = requireTable(bytes, tables, 'ctts')
  const entries = readCountedTable(fields, 8)
  const { view, position } = fields
  let sample = 0
  for (let entry = 0; entry < entries && sample < target.length; entry += 1) {
    const end = Math.min(sample + view.getUint32(position + entry * 8), target.length)
    // Signed in version 1; many writers put negative numbers into version 0 too, where nothing else so large makes sense.
    const offset = view.getInt32(position + entry * 8 + 4)
    // Most runs are one picture long: a call of `fill` would cost more than it does.
    for (; sample < end; sample += 1) target[sample] = offset
  }
}

function fillSync(target: Uint8Array, bytes: Uint8Array, tables: Tables): void {
  // §8.6.2: without the table every sample is a sync sample.
  if (tables['stss'] === undefined) {
    target.fill(1)
    return
  }
  const fields = requireTable(bytes, tables, 'stss')
  const entries = readCountedTable(fields, 4)
  const { view, position } = fields
  for (let entry = 0; entry < entries; entry += 1) {
    const sample = view.getUint32(position + entry * 4) - 1
    if (sample >= 0 && sample < target.length) target[sample] = 1
  }
}

/** Walks the chunks of `stsc` with their positions. `visit` answers false to stop. */
function visitChunks(
  bytes: Uint8Array,
  tables: Tables,
  visit: (offset: number, samplesPerChunk: number) => boolean,
): void {
  const wide = tables['stco'] === undefined
  const offsets = requireTable(bytes, tables, wide ? 'co64' : 'stco')
  const chunkCount = readCountedTable(offsets, wide ? 8 : 4)
  const runs = requireTable(bytes, tables, 'stsc')
  const runCount = readCountedTable(runs, 12)
  for (let run = 0; run < runCount; run += 1) {
    const at = runs.position + run * 12
    const first = runs.view.getUint32(at) - 1
    const next = run + 1 < runCount ? runs.view.getUint32(at + 12) - 1 : chunkCount
    const samplesPerChunk = runs.view.getUint32(at + 4)
    if ((run === 0 && first !== 0) || next < first) {
      throw runs.fail('mp4_tables_contradict', 'does not list its chunks in ascending order')
    }
    const end = Math.min(next, chunkCount)
    for (let chunk = first; chunk < end; chunk += 1) {
      // Straight from the table, which has been measured: a long file has a chunk for each of its samples.
      const offset = wide ? offsets.u64() : offsets.view.getUint32(offsets.position + chunk * 4)
      if (!visit(offset, samplesPerChunk)) return
    }
  }
}

function fillOffsets(
  samples: { count: number; offsets: Float64Array; sizes: Uint32Array },
  bytes: Uint8Array,
  tables: Tables,
): void {
  let sample = 0
  visitChunks(bytes, tables, (offset, samplesPerChunk) => {
    let position = offset
    const end = Math.min(sample + samplesPerChunk, samples.count)
    for (; sample < end; sample += 1) {
      samples.offsets[sample] = position
      position += samples.sizes[sample] ?? 0
    }
    return sample < samples.count
  })
  if (sample < samples.count) {
    const problem = `places ${sample} samples, but there are ${samples.count}`
    throw malformed('mp4_tables_contradict', "'stsc'", problem, tables['stsc']?.start)
  }
}

/** Sound counted in single samples: one table entry for each chunk. */
function readPackedSound(
  bytes: Uint8Array,
  tables: Tables,
  sizes: Sizes,
  { budget, packing }: { budget: SampleBudget; packing: SoundPacking | null },
): SampleTable {
  const { samplesPerPacket, bytesPerPacket } =
    packing !== null && (sizes.constant === 1 || packing.samplesPerPacket > 1)
      ? packing
      : { samplesPerPacket: 1, bytesPerPacket: sizes.constant }
  const chunks: { offset: number; sizeBytes: number; time: number }[] = []
  let time = 0
  visitChunks(bytes, tables, (offset, samplesPerChunk) => {
    const duration = Math.min(samplesPerChunk, sizes.count - time)
    const sizeBytes = Math.ceil(duration / samplesPerPacket) * bytesPerPacket
    if (sizeBytes >= 2 ** 32) {
      throw malformed('mp4_number_too_large', "'stsc'", `describes a chunk of ${sizeBytes} bytes`)
    }
    budget.take(1, "'stco'")
    if (sizeBytes > 0) chunks.push({ offset, sizeBytes, time })
    time += duration
    return time < sizes.count
  })
  const samples = allocateSamples(chunks.length)
  for (const [index, chunk] of chunks.entries()) {
    samples.offsets[index] = chunk.offset
    samples.sizes[index] = chunk.sizeBytes
    samples.decodeTimes[index] = chunk.time
  }
  samples.sync.fill(1)
  samples.endTime = time
  return samples
}

/** A reader behind version and flags of a table. */
function requireTable(bytes: Uint8Array, tables: Tables, type: string): FieldReader {
  const box = tables[type]
  if (box === undefined) throw malformed('mp4_box_missing', "'stbl'", `has no '${type}'`)
  const fields = fieldsOf(bytes, box)
  fields.skip(4)
  return fields
}

/** The entry count of a table, checked against its size. */
function readCountedTable(fields: FieldReader, entryBytes: number): number {
  const count = fields.u32()
  fields.requireEntries(count, entryBytes)
  return count
}

/**
 * End of the last byte the samples need. Throws `mp4_samples_overlap` when they do: the same bytes served many
 * times would let a small file cost much.
 */
export function checkLayout(samples: SampleTable, track: string): number {
  const { count, offsets, sizes } = samples
  let end = 0
  let ascending = true
  for (let index = 0; index < count; index += 1) {
    const offset = offsets[index] ?? 0
    if (offset < end) ascending = false
    end = Math.max(end, offset + (sizes[index] ?? 0))
  }
  if (!Number.isSafeInteger(end)) {
    throw malformed('mp4_number_too_large', track, 'places samples beyond 2^53 bytes')
  }
  if (!ascending) requireNoOverlap(samples, track)
  return end
}

/**
 * Chunks need not lie in the order of time (§8.7.5). Starts and ends are sorted each for themselves: two samples overlap
 * exactly when some sample starts before the one sorted before it has ended.
 */
function requireNoOverlap({ offsets, sizes }: SampleTable, track: string): void {
  const starts = offsets.slice().sort()
  const ends = offsets.map((offset, index) => offset + (sizes[index] ?? 0)).sort()
  for (let index = 1; index < starts.length; index += 1) {
    const start = starts[index] ?? 0
    if (start < (ends[index - 1] ?? 0)) {
      throw malformed('mp4_samples_overlap', track, `has samples that overlap at byte ${start}`, start)
    }
  }
}
