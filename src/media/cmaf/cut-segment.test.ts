import { describe, expect, test } from 'vitest'
import { bytesSource, joinPieces } from '../../../tests/media-samples.ts'
import { silentAacFrame } from '../codecs/aac.ts'
import type { SampleTable } from '../isobmff/movie.ts'
import { readMovie } from '../isobmff/read-movie.ts'
import { avc1Entry, mp4aEntry } from '../isobmff/write-boxes.ts'
import { cutAudioSegment, cutVideoSegment } from './cut-segment.ts'
import { writeAudioInit, writeVideoInit } from './write-init.ts'
import { writeSegmentHead } from './write-segment.ts'

/** Six samples of 10 bytes, the last three in another place; two GOPs. */
const SAMPLES: SampleTable = {
  count: 6,
  offsets: Float64Array.from([100, 110, 120, 500, 510, 520]),
  sizes: new Uint32Array(6).fill(10),
  decodeTimes: Float64Array.from([0, 1, 2, 3, 4, 5]),
  compositionOffsets: new Int32Array(6),
  sync: Uint8Array.from([1, 0, 0, 1, 0, 0]),
  endTime: 6,
}

const OPTIONS = {
  samples: SAMPLES,
  range: { start: 0, end: 3 },
  times: Float64Array.from([0, 900, 300]),
  startTicks: 0,
  endTicks: 1000,
  editStartTicks: 600,
  sequence: 1,
}

/** Samples of one track as [decode time, composition offset, size, sync], read back. */
async function readBack(init: Uint8Array, segments: readonly Uint8Array[]): Promise<number[][]> {
  const movie = await readMovie(bytesSource(joinPieces(init, [init, ...segments])))
  const samples = movie.tracks[0]?.samples
  return Array.from({ length: samples?.count ?? 0 }, (_, index) => [
    samples?.decodeTimes[index] ?? -1,
    samples?.compositionOffsets[index] ?? -1,
    samples?.sizes[index] ?? -1,
    samples?.sync[index] ?? -1,
  ])
}

const VIDEO_INIT = writeVideoInit({
  timescale: 1000,
  sampleEntry: avc1Entry({ avcC: new Uint8Array(7), width: 16, height: 16 }),
  width: 16,
  height: 16,
  editStartTicks: 600,
})
const AUDIO_INIT = writeAudioInit({
  timescale: 48_000,
  sampleEntry: mp4aEntry({
    asc: Uint8Array.from([0x11, 0x90]),
    channels: 2,
    sampleRate: 48_000,
    bitrate: 64_000,
  }),
  editStartSamples: 0,
})

describe('a picture segment', () => {
  test('has decode times from presentation times, and ends where the next one starts (rule 2)', async () => {
    const { head, body, sizeBytes } = cutVideoSegment(OPTIONS)
    expect(body).toEqual([{ start: 100, end: 130 }])
    expect(sizeBytes).toBe(head.byteLength + 30)
    expect(await readBack(VIDEO_INIT, [head, new Uint8Array(30)])).toEqual([
      [0, 600, 10, 1],
      [300, 1200, 10, 0],
      [900, 0, 10, 0],
    ])
    const movie = await readMovie(bytesSource(joinPieces(head, [VIDEO_INIT, head, new Uint8Array(30)])))
    expect(movie.tracks[0]).toMatchObject({
      edits: [{ durationTicks: 0, mediaTime: 600, rate: 1 }],
      samples: { endTime: 1000 },
    })
  })

  test('is as many ranges as the source has pieces', () => {
    const times = Float64Array.from([0, 1, 2, 3, 4, 5])
    const { body } = cutVideoSegment({ ...OPTIONS, range: { start: 0, end: 6 }, times })
    expect(body).toEqual([
      { start: 100, end: 130 },
      { start: 500, end: 530 },
    ])
  })

  test('marks a sync sample inside only when nothing after it is shown before it', async () => {
    const cut = async (times: readonly number[]): Promise<number[]> => {
      const segment = cutVideoSegment({
        ...OPTIONS,
        range: { start: 0, end: 6 },
        times: Float64Array.from(times),
      })
      return (await readBack(VIDEO_INIT, [segment.head, new Uint8Array(60)])).map(
        ([, , , sync]) => sync ?? -1,
      )
    }
    expect(await cut([0, 100, 200, 300, 400, 500])).toEqual([1, 0, 0, 1, 0, 0])
    expect(await cut([0, 100, 200, 500, 300, 400])).toEqual([1, 0, 0, 0, 0, 0])
  })

  test.each<[string, Partial<typeof OPTIONS>, RegExp]>([
    ['a reordering delay too small', { editStartTicks: 599 }, /larger reordering delay than 599/],
    ['a start that is not its first picture', { startTicks: 1 }, /starts at 1, its first picture at 0/],
    ['an end before its last picture', { endTicks: 900 }, /before its last picture/],
    ['no samples', { range: { start: 3, end: 3 }, times: new Float64Array(0) }, /must have samples/],
    ['samples the table does not have', { range: { start: 5, end: 8 } }, /must have samples of the table/],
    ['times of another number', { times: new Float64Array(2) }, /3 samples got 2 times/],
  ])('refuses %s', (_, changes, sentence) => {
    expect(() => cutVideoSegment({ ...OPTIONS, ...changes })).toThrow(sentence)
  })
})

describe('a sound segment', () => {
  const options = {
    samples: SAMPLES,
    dropped: 2,
    silenceBefore: 3,
    silentFrame: silentAacFrame(2),
    sequence: 1,
  }

  test('has silence, the source’s frames after the dropped ones, and silence again', async () => {
    const { head, body, sizeBytes } = cutAudioSegment({ ...options, firstFrame: 2, endFrame: 8 })
    expect(body).toEqual([
      silentAacFrame(2),
      { start: 120, end: 130 },
      { start: 500, end: 530 },
      silentAacFrame(2),
    ])
    expect(sizeBytes).toBe(head.byteLength + 52)
    const samples = await readBack(AUDIO_INIT, [head, new Uint8Array(52)])
    expect(samples).toEqual([
      [2048, 0, 6, 1],
      [3072, 0, 10, 1],
      [4096, 0, 10, 1],
      [5120, 0, 10, 1],
      [6144, 0, 10, 1],
      [7168, 0, 6, 1],
    ])
  })

  test('must have frames', () => {
    expect(() => cutAudioSegment({ ...options, firstFrame: 3, endFrame: 3 })).toThrow(/must have frames/)
  })
})

describe('the head of a segment', () => {
  const sample = (size: number) => ({ size, duration: 1, compositionOffset: 0, sync: true })

  test('turns to a 64-bit mdat only when it must', () => {
    const short = writeSegmentHead({ sequence: 1, decodeTime: 0, samples: [sample(2 ** 32 - 9)] })
    const long = writeSegmentHead({ sequence: 1, decodeTime: 0, samples: [sample(2 ** 32 - 9), sample(1)] })
    expect(Buffer.from(short.subarray(-8)).toString('latin1')).toBe('\xff\xff\xff\xffmdat')
    expect(Buffer.from(long.subarray(-16)).toString('hex')).toBe('000000016d6461740000000100000008')
  })

  test('counts its data from the moof, wherever it lies', async () => {
    const head = writeSegmentHead({ sequence: 7, decodeTime: 2 ** 40, samples: [sample(5), sample(6)] })
    const movie = await readMovie(
      bytesSource(joinPieces(head, [VIDEO_INIT, new Uint8Array(0), head, new Uint8Array(11)])),
    )
    const start = VIDEO_INIT.byteLength + head.byteLength
    expect([...(movie.tracks[0]?.samples.offsets ?? [])]).toEqual([start, start + 5])
    expect(movie.tracks[0]?.samples.decodeTimes[0]).toBe(2 ** 40)
    expect(movie.neededBytes).toBe(start + 11)
  })

  test.each([
    { size: -1, duration: 1, compositionOffset: 0 },
    { size: 1, duration: 0.5, compositionOffset: 0 },
    { size: 1, duration: 1, compositionOffset: 2 ** 32 },
  ])('refuses numbers its fields cannot hold: %o', (fields) => {
    const samples = [{ ...fields, sync: true }]
    expect(() => writeSegmentHead({ sequence: 1, decodeTime: 0, samples })).toThrow(/whole numbers/)
  })
})
