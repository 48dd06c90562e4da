import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../../tests/media-samples.ts'
import { FOUR_SAMPLES, plainMovie, type TrackTables, u32, u64 } from '../../../tests/plain-movie.ts'
import type { ByteSource } from './movie.ts'
import { readMovie } from './read-movie.ts'
import { box, concatBytes, ftyp, fullBox, mvhd } from './write-boxes.ts'

/** A file of that size with these pieces in it, and zeros between them. */
function sparseSource(
  sizeBytes: number,
  pieces: readonly { start: number; bytes: Uint8Array }[],
): ByteSource {
  return {
    sizeBytes,
    read: async (target, position) => {
      target.fill(0)
      for (const { start, bytes } of pieces) {
        const from = Math.max(0, position - start)
        if (from < bytes.byteLength && start < position + target.byteLength) {
          const at = Math.max(0, start - position)
          target.set(bytes.subarray(from, from + target.byteLength - at), at)
        }
      }
      return Math.min(target.byteLength, sizeBytes - position)
    },
  }
}

test('a file of 32 GB with its index at the end, 64-bit boxes and positions', async () => {
  const start = 32 * 2 ** 30
  const header = concatBytes([
    ftyp('isom', 'isom'),
    u32(1),
    new TextEncoder().encode('mdat'),
    u64(start - 20),
  ])
  const index = plainMovie([{ ...FOUR_SAMPLES, stco: [start - 40], wide: true }]).subarray(20)
  const movie = await readMovie(
    sparseSource(start + index.byteLength, [
      { start: 0, bytes: header },
      { start, bytes: index },
    ]),
  )
  expect(movie.tracks[0]?.samples.offsets[3]).toBe(start - 10)
  expect(movie.neededBytes).toBe(start)
})

describe('what is no usable MP4 says why', () => {
  const noise = Uint8Array.from({ length: 64 }, (_, index) => (index * 73 + 200) % 256)
  const track = (changes: Partial<TrackTables>): Uint8Array => plainMovie([{ ...FOUR_SAMPLES, ...changes }])
  const type = (name: string): Uint8Array => new TextEncoder().encode(name)
  const table: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['nothing', new Uint8Array(0), /do not begin with an MP4 box/],
    ['noise', noise, /do not begin with an MP4 box/],
    ['no index', concatBytes([ftyp('isom'), box('mdat', noise)]), /no movie header.*'ftyp', 'mdat'/],
    [
      'a moov of 64 GiB',
      concatBytes([u32(1), type('moov'), u64(2 ** 36)]),
      /'moov' claims 68719476736 bytes, at most/,
    ],
    [
      'a moov beyond the end',
      concatBytes([u32(5000), type('moov'), noise]),
      /'moov' claims 5000 bytes.*ends before/,
    ],
    ['a moov without mvhd', box('moov', box('free')), /no 'mvhd'/],
    ['a compressed moov', box('moov', box('cmov')), /compressed/],
    ['a timescale of 0', box('moov', mvhd({ timescale: 0, nextTrackId: 1 })), /timescale of 0/],
    ['a child larger than its parent', box('moov', u32(900), type('trak')), /'trak' claims a size/],
    ['4 billion times', track({ stts: [[2 ** 32 - 1, 2 ** 31]] }), /negative duration/],
    [
      '4 billion samples of one size',
      track({ stsz: { size: 1, count: 2 ** 32 - 1 } }),
      /claims 4294967295 samples/,
    ],
    ['an empty sample', track({ stsz: [10, 0, 10, 10] }), /sample 2 is empty/],
    ['too few times', track({ stts: [[3, 512]] }), /gives times to 3 samples, but there are 4/],
    ['too few places', track({ stsc: [[1, 3]] }), /places 3 samples, but there are 4/],
    [
      'chunks that go back',
      track({
        stsc: [
          [1, 1],
          [1, 1],
          [0, 1],
        ],
      }),
      /ascending/,
    ],
    ['overlapping samples', track({ stsc: [[1, 2]], stco: [1000, 1005] }), /overlap at byte 1005/],
    [
      'one track id twice',
      plainMovie([
        { ...FOUR_SAMPLES, id: 1 },
        { ...FOUR_SAMPLES, id: 1 },
      ]),
      /track id 1 twice/,
    ],
    ['an edit before the media', track({ edits: [[0, -5]] }), /starts an edit at -5/],
  ]
  test.each(table)('%s', async (_, bytes, sentence) => {
    await expect(readMovie(bytesSource(bytes))).rejects.toMatchObject({
      name: 'HeadwaterError',
      message: expect.stringMatching(sentence),
    })
  })

  test('a table that claims 4 billion entries in 100 bytes', async () => {
    const bytes = track({})
    const at = Buffer.from(bytes).indexOf('stts') + 8
    new DataView(bytes.buffer).setUint32(at, 2 ** 32 - 1)
    await expect(readMovie(bytesSource(bytes))).rejects.toThrow(
      /'stts' claims 4294967295 entries, but has room for 1/,
    )
  })

  test('positions in another order than time are fine, and so is what lies beyond the end', async () => {
    const bytes = track({ stsc: [[1, 2]], stco: [9000, 1000] })
    const movie = await readMovie(bytesSource(bytes))
    expect([...(movie.tracks[0]?.samples.offsets ?? [])]).toEqual([9000, 9010, 1000, 1010])
    expect(movie.neededBytes).toBe(9020)
  })

  test('a file of nothing but small boxes is given up early', async () => {
    const bytes = new Uint8Array(8 * 10_001)
    const view = new DataView(bytes.buffer)
    for (let at = 0; at < bytes.byteLength; at += 8) {
      view.setUint32(at, 8)
      view.setUint32(at + 4, 0x66726565)
    }
    await expect(readMovie(bytesSource(bytes))).rejects.toThrow(/10000 boxes before its 'moov'/)
  })
})

describe('less usual tables', () => {
  test('edits are converted to the track’s timescale, and a tiny one does not become "to the end"', async () => {
    const bytes = plainMovie([
      {
        ...FOUR_SAMPLES,
        timescale: 25,
        edits: [
          [480, -1],
          [1, 2],
          [0, 0],
        ],
      },
    ])
    const movie = await readMovie(bytesSource(bytes))
    expect(movie.tracks[0]?.edits).toEqual([
      { durationTicks: 12, mediaTime: -1, rate: 1 },
      { durationTicks: 1, mediaTime: 2, rate: 1 },
      { durationTicks: 0, mediaTime: 0, rate: 1 },
    ])
  })

  test('sync samples, signed composition offsets, several runs of chunks', async () => {
    const movie = await readMovie(
      bytesSource(
        plainMovie([
          {
            stts: [
              [2, 500],
              [3, 600],
            ],
            ctts: [
              [1, 1000],
              [2, -500],
            ],
            stss: [1, 4, 99],
            stsz: [1, 2, 3, 4, 5],
            stsc: [
              [1, 2],
              [3, 1],
            ],
            stco: [100, 200, 300],
          },
        ]),
      ),
    )
    const table = movie.tracks[0]?.samples
    expect([...(table?.decodeTimes ?? [])]).toEqual([0, 500, 1000, 1600, 2200])
    expect(table?.endTime).toBe(2800)
    expect([...(table?.compositionOffsets ?? [])]).toEqual([1000, -500, -500, 0, 0])
    expect([...(table?.sync ?? [])]).toEqual([1, 0, 0, 1, 0])
    expect([...(table?.offsets ?? [])]).toEqual([100, 101, 200, 203, 300])
  })

  test('a track that is neither picture nor sound has no samples, and costs nothing', async () => {
    const bytes = plainMovie([{ ...FOUR_SAMPLES, stsz: { size: 1, count: 2 ** 32 - 1 } }])
    const at = Buffer.from(bytes).indexOf('vide')
    bytes.set(new TextEncoder().encode('tmcd'), at)
    const movie = await readMovie(bytesSource(bytes))
    expect(movie.tracks[0]).toMatchObject({ kind: 'other', entries: [] })
    expect(movie.tracks[0]?.samples.count).toBe(0)
  })

  test('a movie with mvex and no fragments has empty tracks', async () => {
    const mvex = box('mvex', fullBox('trex', 0, 0, u32(1, 1, 0, 0, 0)))
    const none = { stts: [], stsz: [], stsc: [], stco: [] }
    const movie = await readMovie(bytesSource(plainMovie([none], [mvex])))
    expect(movie).toMatchObject({ fragmented: true, neededBytes: 0 })
    expect(movie.tracks[0]?.samples.count).toBe(0)
  })
})
