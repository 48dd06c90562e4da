import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../../tests/media-samples.ts'
import type { SampleTable } from './movie.ts'
import { readMovie } from './read-movie.ts'
import { avc1Entry, concatBytes, mp4aEntry } from './write-boxes.ts'
import { type FileTrack, writeMovieHead } from './write-movie.ts'

/** Five pictures, reordered, in two chunks. */
const PICTURES: SampleTable = {
  count: 5,
  offsets: new Float64Array(5),
  sizes: Uint32Array.from([50, 10, 11, 40, 12]),
  decodeTimes: Float64Array.from([0, 500, 1000, 1500, 2100]),
  compositionOffsets: Int32Array.from([1000, 1500, 500, 1000, 1000]),
  sync: Uint8Array.from([1, 0, 0, 1, 0]),
  endTime: 2600,
}

const SOUND: SampleTable = {
  count: 4,
  offsets: new Float64Array(4),
  sizes: Uint32Array.from([6, 6, 7, 8]),
  decodeTimes: Float64Array.from([0, 1024, 2048, 3072]),
  compositionOffsets: new Int32Array(4),
  sync: new Uint8Array(4).fill(1),
  endTime: 4096,
}

function tracks(changes: Partial<FileTrack> = {}): FileTrack[] {
  return [
    {
      kind: 'video',
      timescale: 30_000,
      sampleEntry: avc1Entry({ avcC: Uint8Array.of(1, 100, 0, 31, 255, 224, 0), width: 64, height: 48 }),
      width: 64,
      height: 48,
      editStartTicks: 1000,
      shownTicks: 2600,
      samples: PICTURES,
      chunks: { firstSamples: Uint32Array.of(0, 3), positions: Float64Array.of(12, 98) },
      ...changes,
    },
    {
      kind: 'audio',
      timescale: 48_000,
      sampleEntry: mp4aEntry({ asc: Uint8Array.of(0x11, 0x90), channels: 2, sampleRate: 48_000, bitrate: 1 }),
      width: 0,
      height: 0,
      editStartTicks: 312,
      shownTicks: 3784,
      samples: SOUND,
      chunks: { firstSamples: Uint32Array.of(0, 2), positions: Float64Array.of(0, 83) },
    },
  ]
}

const PAYLOAD_BYTES = 150
const brands = ['isom', 'mp41'] as const

describe('the head of a file', () => {
  const head = writeMovieHead({ brands, tracks: tracks(), payloadBytes: PAYLOAD_BYTES })

  test('reads back as what was written', async () => {
    const movie = await readMovie(bytesSource(concatBytes([head, new Uint8Array(PAYLOAD_BYTES)])))
    expect(movie).toMatchObject({ timescale: 30_000, fragmented: false })
    const at = (offset: number) => head.byteLength + offset
    expect(movie.tracks[0]).toMatchObject({
      id: 1,
      kind: 'video',
      timescale: 30_000,
      edits: [{ durationTicks: 2600, mediaTime: 1000, rate: 1 }],
      samples: { ...PICTURES, offsets: Float64Array.from([at(12), at(62), at(72), at(98), at(138)]) },
    })
    expect(movie.tracks[1]).toMatchObject({
      id: 2,
      kind: 'audio',
      timescale: 48_000,
      edits: [{ durationTicks: 3784, mediaTime: 312, rate: 1 }],
      samples: { ...SOUND, offsets: Float64Array.from([at(0), at(6), at(83), at(90)]) },
    })
  })

  test('says only what is not so anyway: no reordering, no list of key frames for sound', () => {
    const text = Buffer.from(head).toString('latin1')
    expect([text.split('ctts').length, text.split('stss').length, text.split('stco').length]).toEqual([
      2, 2, 3,
    ])
    expect(text).not.toContain('co64')
  })

  test('ends where its payload begins, in the header of mdat', () => {
    expect(Buffer.from(head).readUInt32BE(head.byteLength - 8)).toBe(PAYLOAD_BYTES + 8)
    expect(Buffer.from(head).toString('latin1', head.byteLength - 4)).toBe('mdat')
  })
})

test('files beyond 4 GiB have places and durations of 64 bits', async () => {
  const far = 2 ** 33 + 5
  const samples = { ...PICTURES, endTime: 2 ** 31 }
  const long = tracks({
    samples,
    shownTicks: samples.endTime,
    timescale: 300,
    chunks: { firstSamples: Uint32Array.of(0, 3), positions: Float64Array.of(12, far) },
  })
  const head = writeMovieHead({ brands, tracks: long, payloadBytes: far + 1000 })
  expect(Buffer.from(head).toString('latin1')).toContain('co64')
  const source = bytesSource(concatBytes([head, new Uint8Array(20_000)]))
  const movie = await readMovie({ ...source, sizeBytes: head.byteLength + far + 1000 })
  // A movie's timescale is at least 1000, here four times the picture's: its duration needs more than 32 bits.
  expect(movie.timescale).toBe(1200)
  expect(movie.tracks[0]?.edits[0]?.durationTicks).toBe(2 ** 31)
  expect(movie.tracks[0]?.samples.offsets[3]).toBe(head.byteLength + far)
})

test('a field that cannot hold its value is our mistake, not a wrong file', () => {
  const samples = { ...PICTURES, compositionOffsets: Int32Array.from([0, -1, 0, 0, 0]) }
  expect(() => writeMovieHead({ brands, tracks: tracks({ samples }), payloadBytes: 1 })).toThrow(/got -1/)
})
