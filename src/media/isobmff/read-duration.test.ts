import { describe, expect, test } from 'vitest'
import { FOUR_SAMPLES, plainMovie, type TrackTables, u32 } from '../../../tests/plain-movie.ts'
import { readDeclaredSeconds } from './read-duration.ts'
import { box, concatBytes, fullBox, ftyp, hdlr, mdia, moov, mvhd, tkhd, trak } from './write-boxes.ts'

let reads = 0

function declaredBy(bytes: Uint8Array, sizeBytes = bytes.byteLength): Promise<number | undefined> {
  reads = 0
  return readDeclaredSeconds({
    sizeBytes,
    read: async (target, position) => {
      reads += 1
      const found = bytes.subarray(position, Math.min(position + target.byteLength, sizeBytes))
      target.set(found)
      return found.byteLength
    },
  })
}

/** The tracks of a movie that says it lasts 75 s. */
const movieTracks = (): Uint8Array[] => {
  const mdhd = fullBox('mdhd', 0, 0, u32(0, 0, 1000, 75_000), u32(0))
  return [trak(tkhd({ trackId: 1, volume: 0, width: 1, height: 1 }), mdia(mdhd, hdlr('vide')))]
}
const track = (fields: Partial<TrackTables>): TrackTables => ({ ...FOUR_SAMPLES, timescale: 1000, ...fields })
/** `mdat` of that size; its bytes are no matter. */
const data = (sizeBytes: number) => box('mdat', new Uint8Array(sizeBytes - 8))
/** A movie whose `mdhd` and edit list are of version 1. */
function largeTimes(duration: readonly number[], edit: readonly number[]): Uint8Array {
  const mdhd = fullBox('mdhd', 1, 0, u32(0, 0, 0, 0, 1000, ...duration), u32(0))
  const elst = fullBox('elst', 1, 0, u32(1, ...edit, 0, 0, 0x10000))
  return concatBytes([
    ftyp('isom', 'isom'),
    moov(
      mvhd({ timescale: 1000, nextTrackId: 2 }),
      trak(tkhd({ trackId: 1, volume: 0, width: 1, height: 1 }), box('edts', elst), mdia(mdhd, hdlr('vide'))),
    ),
  ])
}

describe('the picture', () => {
  test.each<[string, Uint8Array, number | undefined]>([
    ['lasts as its media header says', plainMovie([track({ duration: 75_000 })]), 75],
    ['is found behind the data', concatBytes([data(50_000), plainMovie([track({ duration: 75_000 })])]), 75],
    [
      'counts, not the sound',
      plainMovie([track({ handler: 'soun', duration: 90_000 }), track({ duration: 75_000 })]),
      75,
    ],
    ['is cut by its edit list', plainMovie([track({ duration: 75_000, edits: [[20_000, 0]] })]), 20],
    [
      'lasts as long as all edits that show something',
      plainMovie([
        track({
          duration: 75_000,
          edits: [
            [5_000, -1],
            [20_000, 0],
            [10_000, 30_000],
          ],
        }),
      ]),
      30,
    ],
    ['lasts no longer than its media', plainMovie([track({ duration: 75_000, edits: [[99_000, 0]] })]), 75],
    ['goes on to the end with an edit of 0', plainMovie([track({ duration: 75_000, edits: [[0, 0]] })]), 75],
    ['has 64-bit times', largeTimes([2, 0], [1, 0]), 2 ** 32 / 1000],
  ])('%s', async (_, bytes, seconds) => {
    expect(await declaredBy(bytes)).toBe(seconds)
  })

  test.each<[string, Uint8Array]>([
    ['no duration (a fragmented file)', plainMovie([track({ duration: 0 })])],
    ['an unknown duration', plainMovie([track({ duration: 0xffff_ffff })])],
    ['an unknown 64-bit duration', largeTimes([0xffff_ffff, 0xffff_ffff], [1, 0])],
    ['sound only', plainMovie([track({ handler: 'soun', duration: 90_000 })])],
    ['a timescale of 0', plainMovie([track({ duration: 75_000, timescale: 0 })])],
    ['no index', concatBytes([ftyp('isom', 'isom'), data(500)])],
    ['nothing', new Uint8Array(0)],
    ['no boxes', new Uint8Array(5_000).fill(0xff)],
    [
      'an index of a thousand empty tracks',
      concatBytes([moov(mvhd({ timescale: 1, nextTrackId: 2 }), ...Array(1_500).fill(box('trak')))]),
    ],
    [
      'a thousand boxes before its index',
      concatBytes([...Array(1_000).fill(box('free')), plainMovie([track({ duration: 75_000 })])]),
    ],
  ])('with %s does not say', async (_, bytes) => {
    expect(await declaredBy(bytes)).toBeUndefined()
  })
})

test('a file that is cut off anywhere before the end of its index does not say, and never throws', async () => {
  const movie = plainMovie([track({ duration: 75_000 })])
  for (let sizeBytes = 0; sizeBytes < movie.byteLength; sizeBytes += 1) {
    expect(await declaredBy(movie, sizeBytes)).toBeUndefined()
  }
  expect(await declaredBy(concatBytes([movie, data(100)]), movie.byteLength + 50)).toBe(75)
})

test('an index that is spread over the file to cost time is given up', async () => {
  const far = box('free', new Uint8Array(20_000))
  const movie = concatBytes([
    moov(mvhd({ timescale: 1, nextTrackId: 2 }), ...Array(300).fill(far), ...movieTracks()),
  ])
  expect(await declaredBy(movie)).toBeUndefined()
  expect(reads).toBe(200)
})

test('an index of megabytes costs some reads, whatever its tables hold', async () => {
  const many = track({ duration: 75_000, stsz: Array.from({ length: 500_000 }, () => 1) })
  const movie = plainMovie([track({ handler: 'soun' }), many])
  expect(movie.byteLength).toBeGreaterThan(2_000_000)
  expect(await declaredBy(movie)).toBe(75)
  expect(reads).toBeLessThan(12)
})
