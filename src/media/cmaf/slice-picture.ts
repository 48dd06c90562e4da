/**
 * Of a piece of film what a decoder needs for one of its pictures: everything that the picture may be predicted from, and
 * nothing else. Of most films that is a fraction of a segment, and the picture comes out the same to the last bit.
 */

import { readAvcConfig } from '../codecs/avc.ts'
import { readAvcUnits } from '../codecs/avc-units.ts'
import type { MovieTrack, SampleTable } from '../isobmff/movie.ts'
import { presentationTimes } from '../isobmff/presentation.ts'
import { allocateSamples } from '../isobmff/sample-table.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { sliceSource } from './slice-source.ts'

/** A film in itself, and the picture's place in it. */
export type PictureSlice = { readonly bytes: Uint8Array; readonly number: number }

/**
 * Slices `film`, of which `track` is the picture track. `number` counts the pictures shown, in the order they are shown
 * in, from 0. Undefined where nothing can be left out safely: another codec than H.264, pictures that may be fields, or no
 * such picture.
 */
export function slicePicture(film: Uint8Array, track: MovieTrack, number: number): PictureSlice | undefined {
  const [entry] = track.entries
  if (entry?.fourcc !== 'avc1' || entry.config === null || track.entries.length !== 1) return undefined
  const { lengthSize, interlaced } = readAvcConfig(entry.config)
  const times = presentationTimes(track)
  const wanted = pictureAt(times, number)
  if (wanted === undefined || interlaced) return undefined
  const needed = neededFor(film, track.samples, { wanted, lengthSize })
  const wantedTime = times[wanted] ?? 0
  const slice = sliceSource({
    track: { ...track, samples: pick(track.samples, needed) },
    range: { start: 0, end: needed.length },
  })
  return {
    bytes: concatBytes(
      slice.parts.map((part) => (part instanceof Uint8Array ? part : film.subarray(part.start, part.end))),
    ),
    number: needed.filter((sample) => (times[sample] ?? 0) < wantedTime).length,
  }
}

/** The sample that is shown as the `number`-th. */
function pictureAt(times: Float64Array, number: number): number | undefined {
  const samples = Array.from(times.keys()).filter((sample) => (times[sample] ?? 0) >= 0)
  return samples.sort((one, other) => (times[one] ?? 0) - (times[other] ?? 0))[number]
}

/** From the last IDR picture on, what others may be predicted from, and the picture itself; in decode order. */
function neededFor(
  film: Uint8Array,
  { offsets, sizes }: SampleTable,
  { wanted, lengthSize }: { readonly wanted: number; readonly lengthSize: number },
): readonly number[] {
  let needed: number[] = []
  let hadSets = false
  for (let sample = 0; sample <= wanted; sample += 1) {
    const start = offsets[sample] ?? 0
    const bytes = film.subarray(start, start + (sizes[sample] ?? 0))
    const { isIdr, isDisposable, parameterSets } = readAvcUnits(bytes, lengthSize)
    // Parameter sets stay in force beyond the next IDR picture.
    if (isIdr && (parameterSets === 'all' || !hadSets)) needed = []
    if (!isDisposable || sample === wanted) needed.push(sample)
    hadSets ||= parameterSets !== 'none'
  }
  return needed
}

function pick(samples: SampleTable, chosen: readonly number[]): SampleTable {
  const picked = allocateSamples(chosen.length)
  for (const [to, from] of chosen.entries()) {
    picked.offsets[to] = samples.offsets[from] ?? 0
    picked.sizes[to] = samples.sizes[from] ?? 0
    picked.decodeTimes[to] = samples.decodeTimes[from] ?? 0
    picked.compositionOffsets[to] = samples.compositionOffsets[from] ?? 0
    picked.sync[to] = to === 0 ? 1 : (samples.sync[from] ?? 0)
  }
  picked.endTime = samples.endTime
  return picked
}
