import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../../tests/media-samples.ts'
import { FOUR_SAMPLES, plainMovie, type TrackTables, u32, u64 } from '../../../tests/plain-movie.ts'
import type { Movie } from './movie.ts'
import { readMovie } from './read-movie.ts'
import { box, concatBytes, fullBox } from './write-boxes.ts'

const NONE: TrackTables = { stts: [], stsz: [], stsc: [], stco: [] }
/** Two tracks; the second one's samples last 7 ticks, have 3 bytes and are no sync samples unless a fragment says so. */
const INIT = plainMovie(
  [NONE, { ...NONE, handler: 'soun' }],
  [
    box(
      'mvex',
      fullBox('trex', 0, 0, u32(1, 1, 0, 0, 0)),
      fullBox('trex', 0, 0, u32(2, 1, 7, 3, 0x01010000)),
    ),
  ],
)

const moof = (...trafs: Uint8Array[]): Uint8Array => box('moof', fullBox('mfhd', 0, 0, u32(1)), ...trafs)
const traf = (...children: Uint8Array[]): Uint8Array => box('traf', ...children)
const mdat = box('mdat', new Uint8Array(40))

async function read(...fragments: Uint8Array[]): Promise<Movie> {
  return await readMovie(bytesSource(concatBytes([INIT, ...fragments])))
}

/** Everything about one track's samples as plain numbers. */
function rows(movie: Movie, track: number): number[][] {
  const samples = movie.tracks[track]?.samples
  if (samples === undefined) return []
  return Array.from({ length: samples.count }, (_, index) =>
    [samples.offsets, samples.sizes, samples.decodeTimes, samples.compositionOffsets, samples.sync].map(
      (column) => column[index] ?? -1,
    ),
  )
}

const at = INIT.byteLength

describe('fragments', () => {
  test('defaults come from trex, then tfhd, then the run; the first sample’s flags may be its own', async () => {
    const fromTrex = traf(
      fullBox('tfhd', 0, 0x020000, u32(2)),
      fullBox('trun', 0, 0x005, u32(2, 100, 0x02000000)),
    )
    const fromTfhd = traf(
      fullBox('tfhd', 0, 0x020038, u32(1, 512, 9, 0x02000000)),
      fullBox('trun', 0, 0x001, u32(2, 200)),
    )
    const movie = await read(moof(fromTrex, fromTfhd), mdat)
    expect(rows(movie, 1)).toEqual([
      [at + 100, 3, 0, 0, 1],
      [at + 103, 3, 7, 0, 0],
    ])
    expect(rows(movie, 0)).toEqual([
      [at + 200, 9, 0, 0, 1],
      [at + 209, 9, 512, 0, 1],
    ])
    expect(movie).toMatchObject({ fragmented: true, neededBytes: at + 218 })
  })

  test('without a base the first track counts from the moof, the next goes on where its data ended', async () => {
    const first = traf(fullBox('tfhd', 0, 0, u32(1)), fullBox('trun', 0, 0x301, u32(1, 80, 512, 10)))
    const second = traf(fullBox('tfhd', 0, 0, u32(2)), fullBox('trun', 0, 0, u32(2)))
    const movie = await read(moof(first, second), mdat)
    expect(rows(movie, 0)).toEqual([[at + 80, 10, 0, 0, 1]])
    expect(rows(movie, 1).map(([offset]) => offset)).toEqual([at + 90, at + 93])
  })

  test('an explicit base, and runs that follow one another', async () => {
    const runs = traf(
      fullBox('tfhd', 0, 0x000001, u32(1), u64(5000)),
      fullBox('trun', 0, 0x300, u32(1, 512, 10)),
      fullBox('trun', 1, 0xf00, u32(1, 512, 10, 0x01010000, -512)),
      fullBox('trun', 0, 0x301, u32(1, -100, 512, 10)),
    )
    expect(rows(await read(moof(runs), mdat), 0)).toEqual([
      [5000, 10, 0, 0, 1],
      [5010, 10, 512, -512, 0],
      [4900, 10, 1024, 0, 1],
    ])
  })

  test('tfdt moves on, in 32 or 64 bits; without it a fragment starts where the last one ended', async () => {
    const run = (...before: Uint8Array[]): Uint8Array =>
      traf(fullBox('tfhd', 0, 0x020000, u32(2)), ...before, fullBox('trun', 0, 0x001, u32(1, 60)))
    const movie = await read(moof(run(fullBox('tfdt', 1, 0, u64(2 ** 33)))), mdat, moof(run()), mdat)
    expect(rows(movie, 1).map(([, , time]) => time)).toEqual([2 ** 33, 2 ** 33 + 7])
    expect(movie.tracks[1]?.samples.endTime).toBe(2 ** 33 + 14)
    const short = await read(moof(run(fullBox('tfdt', 0, 0, u32(90)))), mdat)
    expect(rows(short, 1)[0]?.[2]).toBe(90)
  })

  test('samples of the moov come first, fragments after them', async () => {
    const head = plainMovie([FOUR_SAMPLES], [box('mvex', fullBox('trex', 0, 0, u32(1, 1, 512, 5, 0)))])
    const fragment = moof(traf(fullBox('tfhd', 0, 0x020000, u32(1)), fullBox('trun', 0, 0x001, u32(2, 2000))))
    const movie = await readMovie(bytesSource(concatBytes([head, fragment])))
    expect(rows(movie, 0).map(([, size, time]) => [size, time])).toEqual([
      [10, 0],
      [10, 512],
      [10, 1024],
      [10, 1536],
      [5, 2048],
      [5, 2560],
    ])
  })

  test('a fragment cut off by the end of the file is left out, and the file needs more bytes', async () => {
    const whole = moof(traf(fullBox('tfhd', 0, 0x020000, u32(2)), fullBox('trun', 0, 0x001, u32(1, 60))))
    const movie = await read(whole, mdat, whole.subarray(0, 30))
    expect(movie.tracks[1]?.samples.count).toBe(1)
    expect(movie.neededBytes).toBe(at + whole.byteLength * 2 + mdat.byteLength)
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['a track nobody knows', traf(fullBox('tfhd', 0, 0, u32(9))), /track 9, which the movie does not have/],
    ['no tfhd', traf(fullBox('trun', 0, 0, u32(0))), /no 'tfhd'/],
    [
      '4 billion samples in 20 bytes',
      traf(fullBox('tfhd', 0, 0, u32(2)), fullBox('trun', 0, 0, u32(2 ** 32 - 1))),
      /claims 4294967295 samples/,
    ],
    [
      'more sizes than there are',
      traf(fullBox('tfhd', 0, 0, u32(2)), fullBox('trun', 0, 0x200, u32(2, 5))),
      /claims 2 entries, but has room for 1/,
    ],
    [
      'an empty sample',
      traf(fullBox('tfhd', 0, 0, u32(1)), fullBox('trun', 0, 0, u32(1))),
      /sample 1 is empty/,
    ],
    [
      'data before the file',
      traf(fullBox('tfhd', 0, 0, u32(2)), fullBox('trun', 0, 1, u32(1, -(2 ** 31)))),
      /before the start/,
    ],
  ])('refused: %s', async (_, fragment, sentence) => {
    await expect(read(moof(fragment), mdat)).rejects.toThrow(sentence)
  })

  test('refused: time that goes back', async () => {
    const run = (time: number): Uint8Array =>
      moof(
        traf(
          fullBox('tfhd', 0, 0, u32(2)),
          fullBox('tfdt', 0, 0, u32(time)),
          fullBox('trun', 0, 1, u32(2, 90)),
        ),
      )
    await expect(read(run(0), mdat, run(3))).rejects.toThrow(
      /starts at 3 ticks, before its previous sample at 7/,
    )
    // A little overlap of clocks is common and harmless.
    expect(rows(await read(run(0), mdat, run(8)), 1)).toHaveLength(4)
  })
})
