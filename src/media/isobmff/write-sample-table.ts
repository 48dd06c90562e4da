/** The sample table of a plain file (`stbl`, ISO/IEC 14496-12 §8.5 to §8.7), written from typed arrays. */

import { assert } from '../../lib/failure.ts'
import type { SampleTable } from './movie.ts'
import { box, fullBox, stsd } from './write-boxes.ts'

/** Runs of samples that lie together. Chunk i has the samples from `firstSamples[i]` up to the next chunk's first. */
export type SampleChunks = {
  readonly firstSamples: Uint32Array
  /** Position of each chunk's first byte in the payload of `mdat`. */
  readonly positions: Float64Array
}

export type SampleTableOptions = {
  /** A whole sample entry box. */
  readonly sampleEntry: Uint8Array
  /** Where samples lie is told by `chunks`, not by `offsets`. Composition offsets are from 0 on. */
  readonly samples: SampleTable
  readonly chunks: SampleChunks
  /** Position of the payload in the file. */
  readonly payloadStart: number
  /** Whether a chunk may begin beyond 4 GiB. */
  readonly wide: boolean
}

/** Writes the box. Its size depends on everything but `payloadStart`. */
export function writeSampleTable(options: SampleTableOptions): Uint8Array {
  const { samples, chunks, sampleEntry } = options
  const { count, decodeTimes, compositionOffsets, sync } = samples
  const end = (sample: number): number =>
    sample + 1 < count ? (decodeTimes[sample + 1] ?? 0) : samples.endTime
  const boxes = [
    stsd([sampleEntry]),
    runLengths('stts', count, (sample) => end(sample) - (decodeTimes[sample] ?? 0)),
  ]
  if (compositionOffsets.some((offset) => offset !== 0)) {
    boxes.push(runLengths('ctts', count, (sample) => compositionOffsets[sample] ?? 0))
  }
  // §8.6.2: without the box every sample is a sync sample.
  if (sync.includes(0)) boxes.push(syncSamples(sync))
  boxes.push(samplesPerChunk(chunks, count), sampleSizes(samples), chunkOffsets(options))
  return box('stbl', ...boxes)
}

/** A payload of 32-bit fields, filled in order. */
class Fields {
  readonly bytes: Uint8Array
  readonly #view: DataView
  #position = 0

  constructor(count: number) {
    this.bytes = new Uint8Array(4 * count)
    this.#view = new DataView(this.bytes.buffer)
  }

  add(value: number): void {
    assert(
      Number.isInteger(value) && value >= 0 && value < 2 ** 32,
      `A field of a sample table got ${value}, expected a whole number from 0 to 2^32 - 1.`,
    )
    this.#view.setUint32(this.#position, value)
    this.#position += 4
  }
}

/** §8.6.1.2, §8.6.1.3: how many samples in a row have the same value. */
function runLengths(type: 'stts' | 'ctts', count: number, valueOf: (sample: number) => number): Uint8Array {
  let runs = 0
  for (let sample = 0; sample < count; sample += 1) {
    if (sample === 0 || valueOf(sample) !== valueOf(sample - 1)) runs += 1
  }
  const fields = new Fields(1 + 2 * runs)
  fields.add(runs)
  for (let first = 0; first < count; ) {
    const value = valueOf(first)
    let next = first + 1
    while (next < count && valueOf(next) === value) next += 1
    fields.add(next - first)
    fields.add(value)
    first = next
  }
  return fullBox(type, 0, 0, fields.bytes)
}

/** §8.6.2: the numbers of the sync samples, from 1. */
function syncSamples(sync: Uint8Array): Uint8Array {
  const count = sync.reduce((sum, mark) => sum + mark, 0)
  const fields = new Fields(1 + count)
  fields.add(count)
  for (let sample = 0; sample < sync.length; sample += 1) if (sync[sample] === 1) fields.add(sample + 1)
  return fullBox('stss', 0, 0, fields.bytes)
}

/** §8.7.4: from which chunk on (from 1) chunks have how many samples of the first description. */
function samplesPerChunk({ firstSamples }: SampleChunks, count: number): Uint8Array {
  const sizeOf = (chunk: number): number => (firstSamples[chunk + 1] ?? count) - (firstSamples[chunk] ?? 0)
  const changes = Array.from(firstSamples.keys()).filter(
    (chunk) => chunk === 0 || sizeOf(chunk) !== sizeOf(chunk - 1),
  )
  const fields = new Fields(1 + 3 * changes.length)
  fields.add(changes.length)
  for (const chunk of changes) {
    fields.add(chunk + 1)
    fields.add(sizeOf(chunk))
    fields.add(1)
  }
  return fullBox('stsc', 0, 0, fields.bytes)
}

/** §8.7.3.2. */
function sampleSizes({ count, sizes }: SampleTable): Uint8Array {
  const fields = new Fields(2 + count)
  fields.add(0)
  fields.add(count)
  for (let sample = 0; sample < count; sample += 1) fields.add(sizes[sample] ?? 0)
  return fullBox('stsz', 0, 0, fields.bytes)
}

/** §8.7.5. */
function chunkOffsets({ chunks, payloadStart, wide }: SampleTableOptions): Uint8Array {
  const fields = new Fields(1 + (wide ? 2 : 1) * chunks.positions.length)
  fields.add(chunks.positions.length)
  for (const position of chunks.positions) {
    const offset = payloadStart + position
    if (wide) fields.add(Math.floor(offset / 2 ** 32))
    fields.add(wide ? offset % 2 ** 32 : offset)
  }
  return fullBox(wide ? 'co64' : 'stco', 0, 0, fields.bytes)
}
