/**
 * Segments cut from a sample table: passthrough segments from a source's index, and the encoder's output packed by the
 * plan. Pure: answers the head and the ranges of the blob that follow it.
 */

import type { ByteRange } from '../../lib/byte-range.ts'
import { assert } from '../../lib/failure.ts'
import type { SampleTable } from '../isobmff/movie.ts'
import { sortedTimes } from '../isobmff/presentation.ts'
import { type RunSample, writeSegmentHead } from './write-segment.ts'

/** A segment: `head`, then the pieces of `body` in order; ranges are bytes of the media blob. */
export type SegmentParts = {
  readonly head: Uint8Array
  readonly body: readonly (ByteRange | Uint8Array)[]
  /** Head and body together. */
  readonly sizeBytes: number
}

/** Samples `[start, end)` in decode order. */
export type SampleRange = { readonly start: number; readonly end: number }

/**
 * Cuts one picture segment `[startTicks, endTicks)`. `times` has the presentation time of each sample of `range`, in
 * decode order and plan ticks; the smallest is `startTicks` (rules 3 and 4). Times are made, not copied (rule 2): the
 * j-th sample decoded gets the j-th smallest presentation time as its decode time, the last one ends at `endTicks`, and
 * composition offset = presentation + `editStartTicks` − decode time. Throws `internal` if the caller broke a rule.
 */
export function cutVideoSegment(options: {
  samples: SampleTable
  range: SampleRange
  times: Float64Array
  startTicks: number
  endTicks: number
  editStartTicks: number
  sequence: number
}): SegmentParts {
  const { samples, range, times, startTicks, endTicks, editStartTicks, sequence } = options
  const count = range.end - range.start
  assert(
    count > 0 && range.start >= 0 && range.end <= samples.count,
    'A segment must have samples of the table.',
  )
  assert(times.length === count, `A segment of ${count} samples got ${times.length} times.`)
  const decodeTimes = sortedTimes(times)
  assert(
    decodeTimes[0] === startTicks,
    `A segment starts at ${startTicks}, its first picture at ${decodeTimes[0]}.`,
  )
  assert((decodeTimes[count - 1] ?? 0) < endTicks, `A segment ends at ${endTicks}, before its last picture.`)
  const sync = markSync(samples.sync, range, times)
  const run: RunSample[] = []
  for (let index = 0; index < count; index += 1) {
    const decodeTime = decodeTimes[index] ?? 0
    const compositionOffset = (times[index] ?? 0) + editStartTicks - decodeTime
    assert(
      compositionOffset >= 0,
      `A picture at ${times[index]} needs a larger reordering delay than ${editStartTicks} ticks.`,
    )
    run.push({
      size: samples.sizes[range.start + index] ?? 0,
      duration: (decodeTimes[index + 1] ?? endTicks) - decodeTime,
      compositionOffset,
      sync: sync[index] === 1,
    })
  }
  const body = new BodyBuilder()
  body.addSamples(samples, range)
  return body.finish(writeSegmentHead({ sequence, decodeTime: startTicks, samples: run }))
}

/**
 * Cuts frames `[firstFrame, endFrame)` of a sound rendition as the plan numbers them: first `silenceBefore` silent
 * frames, then the table's frames from `dropped` on, and silence again past its end (rules 7 to 9). The decode time is
 * `firstFrame` × `frameSamples` (rule 8).
 */
export function cutAudioSegment(options: {
  samples: SampleTable
  firstFrame: number
  endFrame: number
  dropped: number
  silenceBefore: number
  silentFrame: Uint8Array
  sequence: number
  /** Samples per frame, 1,024 for AAC-LC. */
  frameSamples?: number
}): SegmentParts {
  const { samples, firstFrame, endFrame, dropped, silenceBefore, silentFrame, sequence } = options
  const { frameSamples = 1024 } = options
  assert(endFrame > firstFrame && firstFrame >= 0, 'A segment of sound must have frames.')
  const run: RunSample[] = []
  const body = new BodyBuilder()
  for (let frame = firstFrame; frame < endFrame; frame += 1) {
    const index = frame - silenceBefore + dropped
    const silent = frame < silenceBefore || index >= samples.count
    if (silent) body.addBytes(silentFrame)
    else body.addSamples(samples, { start: index, end: index + 1 })
    const size = silent ? silentFrame.byteLength : (samples.sizes[index] ?? 0)
    run.push({ size, duration: frameSamples, compositionOffset: 0, sync: true })
  }
  return body.finish(writeSegmentHead({ sequence, decodeTime: firstFrame * frameSamples, samples: run }))
}

/**
 * A sync sample in the middle of a segment is marked as one only if nothing decoded after it is shown before it. x264
 * marks the first picture of an open GOP too, but a player that began there would miss what its leading pictures need.
 */
function markSync(sync: Uint8Array, range: SampleRange, times: Float64Array): Uint8Array {
  const marks = sync.slice(range.start, range.end)
  let earliestLater = Number.POSITIVE_INFINITY
  for (let index = marks.length - 1; index >= 0; index -= 1) {
    const time = times[index] ?? 0
    if (time > earliestLater) marks[index] = 0
    earliestLater = Math.min(earliestLater, time)
  }
  return marks
}

/** Collects a body; ranges that touch become one, so that a segment is few reads. */
export class BodyBuilder {
  readonly #pieces: (ByteRange | Uint8Array)[] = []
  #open: { start: number; end: number } | undefined
  #sizeBytes = 0

  addSamples(samples: SampleTable, range: SampleRange): void {
    for (let index = range.start; index < range.end; index += 1) {
      const start = samples.offsets[index] ?? 0
      const size = samples.sizes[index] ?? 0
      if (this.#open?.end === start) this.#open.end += size
      else {
        this.#open = { start, end: start + size }
        this.#pieces.push(this.#open)
      }
      this.#sizeBytes += size
    }
  }

  addBytes(bytes: Uint8Array): void {
    this.#open = undefined
    this.#pieces.push(bytes)
    this.#sizeBytes += bytes.byteLength
  }

  finish(head: Uint8Array): SegmentParts {
    return { head, body: this.#pieces, sizeBytes: head.byteLength + this.#sizeBytes }
  }
}
