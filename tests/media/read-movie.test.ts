import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { bytesSource, openSamples, probePackets, type SampleName, type Samples } from '../media-samples.ts'
import { plainMovie, type TrackTables } from '../plain-movie.ts'

let samples: Samples
beforeAll(async () => {
  samples = await openSamples()
})
afterAll(() => samples.remove())

describe('real files', () => {
  test.each<SampleName>(['plain', 'faststart', 'fragmentedBoth', 'fragmentedOmitBase', 'hevc'])(
    '%s: every sample is where and when ffprobe says',
    async (name) => {
      const file = await samples.make(name)
      const movie = await readMovie(bytesSource(await readFile(file)))
      for (const track of movie.tracks) {
        const packets = await probePackets(file, track.kind === 'video' ? 'v:0' : 'a:0')
        const { samples: table } = track
        expect([...table.sizes]).toEqual(packets.map(({ size }) => size))
        expect([...table.sync]).toEqual(packets.map(({ key }) => (key ? 1 : 0)))
        const shift = (packets[0]?.dts ?? 0) - (table.decodeTimes[0] ?? 0)
        expect([...table.decodeTimes].map((time) => time + shift)).toEqual(packets.map(({ dts }) => dts))
        const presentation = [...table.decodeTimes].map(
          (time, index) => time + (table.compositionOffsets[index] ?? 0),
        )
        expect(presentation.map((time) => time + shift)).toEqual(packets.map(({ pts }) => pts))
      }
    },
  )

  test('a rotated file has its matrix, a track of PCM one sample for each chunk', async () => {
    const rotated = await readMovie(bytesSource(await readFile(await samples.make('rotated'))))
    expect(rotated.tracks[0]?.matrix.slice(0, 5)).not.toEqual([0x10000, 0, 0, 0, 0x10000])
    const file = await samples.make('mov')
    const pcm = (await readMovie(bytesSource(await readFile(file)))).tracks.find(
      ({ kind }) => kind === 'audio',
    )
    const packets = await probePackets(file, 'a:0')
    const total = packets.reduce((sum, { size }) => sum + size, 0)
    expect(pcm?.samples.sizes.reduce((sum, size) => sum + size, 0)).toBe(total)
    expect(pcm?.samples.count).toBeLessThan(500)
    expect(pcm?.samples.endTime).toBe(4 * 48_000)
  })

  test('a file cut off in its pictures needs more bytes than it has; one without its index is named as cut off', async () => {
    const bytes = await readFile(await samples.make('faststart'))
    const short = bytes.subarray(0, bytes.byteLength - 5000)
    expect((await readMovie(bytesSource(short))).neededBytes).toBe(bytes.byteLength)
    const late = await readFile(await samples.make('plain'))
    await expect(readMovie(bytesSource(late.subarray(0, 20_000)))).rejects.toThrow(/cut off.*'mdat'/)
    const fragments = await readFile(await samples.make('fragmented'))
    const part = await readMovie(bytesSource(fragments.subarray(0, fragments.byteLength - 20_000)))
    expect(part.neededBytes).toBeGreaterThan(fragments.byteLength - 20_000)
  })
})

test('the index of two hours is read in a moment', async () => {
  const video: TrackTables = {
    timescale: 15_360,
    stts: [[216_000, 512]],
    ctts: Array.from({ length: 216_000 }, (_, index) => [1, (index % 3) * 512] as const),
    stss: Array.from({ length: 3600 }, (_, index) => index * 60 + 1),
    stsz: Array.from({ length: 216_000 }, (_, index) => 5000 + (index % 7)),
    stsc: [[1, 1]],
    stco: Array.from({ length: 216_000 }, (_, index) => 2 ** 32 + index * 7000),
    wide: true,
  }
  const audio: TrackTables = {
    handler: 'soun',
    timescale: 48_000,
    stts: [[337_500, 1024]],
    stsz: Array.from({ length: 337_500 }, () => 300),
    stsc: [[1, 1]],
    stco: Array.from({ length: 337_500 }, (_, index) => 2 ** 40 + index * 400),
    wide: true,
  }
  const source = bytesSource(plainMovie([video, audio]))
  const started = performance.now()
  const movie = await readMovie(source)
  const tookMs = performance.now() - started
  expect(movie.tracks.map((track) => track.samples.count)).toEqual([216_000, 337_500])
  // About 60 ms on an idle core; the bound only guards against another order of growth on a busy one.
  expect(tookMs).toBeLessThan(2000)
})
