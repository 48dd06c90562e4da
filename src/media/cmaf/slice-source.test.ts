import { describe, expect, test } from 'vitest'
import { bytesSource, joinPieces } from '../../../tests/media-samples.ts'
import { FOUR_SAMPLES, plainMovie, type TrackTables } from '../../../tests/plain-movie.ts'
import type { MovieTrack } from '../isobmff/movie.ts'
import { presentationTimes } from '../isobmff/presentation.ts'
import { readMovie } from '../isobmff/read-movie.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { sliceSource } from './slice-source.ts'

async function track(tables: TrackTables): Promise<MovieTrack> {
  // Room for the samples, so that the file is as long as its tables say.
  const file = concatBytes([plainMovie([tables]), new Uint8Array(3000)])
  const [first] = (await readMovie(bytesSource(file))).tracks
  if (first === undefined) throw new Error('The movie lost its track.')
  return first
}

const REORDERED: TrackTables = {
  ...FOUR_SAMPLES,
  ctts: [
    [1, 0],
    [1, 1024],
    [2, -512],
  ],
}

describe('a slice', () => {
  test('has no edit list, no negative offsets, and the presentation times moved by one shift', async () => {
    const source = await track({ ...REORDERED, edits: [[0, 512]] })
    const slice = sliceSource({ track: source, range: { start: 0, end: 4 } })
    const blob = new Uint8Array(2000)
    const movie = await readMovie(bytesSource(joinPieces(blob, slice.parts)))
    expect(movie.tracks[0]?.edits).toEqual([])
    const [written] = movie.tracks
    if (written === undefined) throw new Error('The slice lost its track.')
    expect([...written.samples.compositionOffsets].every((offset) => offset >= 0)).toBe(true)
    expect([...presentationTimes(written)]).toEqual(
      [...presentationTimes(source)].map((time) => time + slice.shiftTicks),
    )
    expect(slice.shiftTicks).toBe(1024)
    expect(written.entries[0]?.box).toEqual(source.entries[0]?.box)
  })

  test('late enough in the source moves nothing', async () => {
    const source = await track({ ...FOUR_SAMPLES, edits: [[0, 0]] })
    const slice = sliceSource({ track: source, range: { start: 2, end: 4 } })
    expect(slice.shiftTicks).toBe(0)
    expect(slice.parts.filter((part) => !(part instanceof Uint8Array))).toEqual([{ start: 1020, end: 1040 }])
  })

  test('is written in fragments of a thousand samples', async () => {
    const source = await track({
      stts: [[2500, 1]],
      stsz: { size: 1, count: 2500 },
      stsc: [[1, 2500]],
      stco: [0],
    })
    const slice = sliceSource({ track: source, range: { start: 0, end: 2500 } })
    expect(slice.parts.filter((part) => !(part instanceof Uint8Array))).toHaveLength(3)
    const movie = await readMovie(bytesSource(joinPieces(new Uint8Array(2500), slice.parts)))
    expect(movie.tracks[0]?.samples.count).toBe(2500)
    expect(movie.tracks[0]?.samples.endTime).toBe(2500)
  })

  test('needs samples of the table and one sample entry', async () => {
    const source = await track(FOUR_SAMPLES)
    expect(() => sliceSource({ track: source, range: { start: 0, end: 5 } })).toThrow(/samples of the table/)
    const two = { ...source, entries: [...source.entries, ...source.entries] }
    expect(() => sliceSource({ track: two, range: { start: 0, end: 4 } })).toThrow(/one sample entry/)
  })
})
