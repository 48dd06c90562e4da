/** The decisive test: what is cut from a source decodes to the source's own frames, at the source's own times. */

import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bytesSource,
  decodedFrames,
  fileSource,
  joinPieces,
  openSamples,
  probePackets,
  REAL_SOURCES,
  type SampleName,
  type Samples,
} from '../media-samples.ts'
import { readAudioSpecificConfig, silentAacFrame } from '../../src/media/codecs/aac.ts'
import { readAvcConfig } from '../../src/media/codecs/avc.ts'
import type { Movie, MovieTrack } from '../../src/media/isobmff/movie.ts'
import {
  allowedCuts,
  presentationTimes,
  reorderDelay,
  sortedTimes,
} from '../../src/media/isobmff/presentation.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { avc1Entry, mp4aEntry } from '../../src/media/isobmff/write-boxes.ts'
import { cutAudioSegment, cutVideoSegment } from '../../src/media/cmaf/cut-segment.ts'
import { sliceSource } from '../../src/media/cmaf/slice-source.ts'
import { writeAudioInit, writeVideoInit } from '../../src/media/cmaf/write-init.ts'

let samples: Samples
beforeAll(async () => {
  samples = await openSamples()
})
afterAll(() => samples.remove())

/** Kinds of H.264 sources that a packager must take apart. */
const PACKAGED: readonly SampleName[] = [
  'plain',
  'faststart',
  'silent',
  'noReordering',
  'openGop',
  'fragmented',
  'fragmentedDelayed',
  'fragmentedBaseOffset',
  'fragmentedOmitBase',
  'fragmentedBoth',
  'fragmentedSeparate',
  'fragmentedNegative',
  'dash',
  'negative',
  'variableRate',
  'lateSound',
  'latePicture',
  'ntsc',
  'movAac',
  'mov',
]

/** Kinds that differ in what a slice must get right: order, times, fragments, codec. */
const SLICED: readonly SampleName[] = [
  'plain',
  'openGop',
  'fragmented',
  'fragmentedNegative',
  'negative',
  'variableRate',
  'latePicture',
  'ntsc',
  'hevc',
  'rotated',
]

function trackOf(movie: Movie, kind: 'video' | 'audio'): MovieTrack {
  const track = movie.tracks.find((candidate) => candidate.kind === kind)
  if (track === undefined) throw new Error(`The sample has no ${kind}.`)
  return track
}

/** Cuts the picture at every allowed cut, as a packager would, into one file. */
function packagePicture(bytes: Uint8Array, track: MovieTrack) {
  const times = presentationTimes(track)
  const starts = allowedCuts(track.samples, times)
  // Rule 4: the first picture starts at 0.
  times[times.indexOf(Math.min(...times))] = 0
  const sorted = sortedTimes(times)
  const { count, decodeTimes, endTime } = track.samples
  const pictureEnd = (sorted.at(-1) ?? 0) + endTime - (decodeTimes[count - 1] ?? 0)
  const editStartTicks = reorderDelay(times, starts)
  const avcC = track.entries[0]?.config ?? new Uint8Array(0)
  const { width, height } = readAvcConfig(avcC)
  const sampleEntry = avc1Entry({ avcC, width, height })
  const init = writeVideoInit({ timescale: track.timescale, sampleEntry, width, height, editStartTicks })
  const segments = Array.from(starts, (start, index) => {
    const end = starts[index + 1] ?? count
    const segment = cutVideoSegment({
      samples: track.samples,
      range: { start, end },
      times: times.subarray(start, end),
      startTicks: times[start] ?? 0,
      endTicks: end < count ? (times[end] ?? 0) : pictureEnd,
      editStartTicks,
      sequence: index + 1,
    })
    const whole = joinPieces(bytes, [segment.head, ...segment.body])
    expect(whole.byteLength).toBe(segment.sizeBytes)
    return whole
  })
  return { times, sorted, editStartTicks, pictureEnd, starts, file: joinPieces(bytes, [init, ...segments]) }
}

async function checkPicture(source: string, target: string): Promise<void> {
  const { bytes, ...reader } = await fileSource(source)
  const movie = await readMovie(reader)
  expect(movie.neededBytes).toBeLessThanOrEqual(reader.sizeBytes)
  const packaged = packagePicture(bytes, trackOf(movie, 'video'))
  await writeFile(target, packaged.file)
  const [from, to] = [await probePackets(source, 'v:0'), await probePackets(target, 'v:0')]
  expect(to.map(({ hash }) => hash)).toEqual(from.map(({ hash }) => hash))
  expect(to.map(({ pts }) => pts)).toEqual([...packaged.times])
  expect(to.map(({ dts }) => dts)).toEqual([...packaged.sorted].map((time) => time - packaged.editStartTicks))
  const last = packaged.sorted.length - 1
  expect((to.at(-1)?.duration ?? 0) + (packaged.sorted[last] ?? 0)).toBe(packaged.pictureEnd)
  expect(await decodedFrames(target)).toEqual(await decodedFrames(source))
}

describe('init and cut segments decode to the same frames, packets at exact times', () => {
  test.each(PACKAGED)('%s', async (name) => {
    await checkPicture(await samples.make(name), samples.path(`${name}-packaged.mp4`))
  })
})

test('segments cut of our own segments are the same segments', async () => {
  const { bytes, ...reader } = await fileSource(await samples.make('plain'))
  const once = packagePicture(bytes, trackOf(await readMovie(reader), 'video'))
  const target = samples.path('twice.mp4')
  await writeFile(target, once.file)
  const again = await fileSource(target)
  const movie = await readMovie(again)
  expect(movie.fragmented).toBe(true)
  const twice = packagePicture(again.bytes, trackOf(movie, 'video'))
  expect(Buffer.from(twice.file).equals(Buffer.from(once.file))).toBe(true)
})

test('an open GOP is not cut at its recovery points, and they are not marked as sync samples', async () => {
  const { bytes, ...reader } = await fileSource(await samples.make('openGop'))
  const track = trackOf(await readMovie(reader), 'video')
  const packaged = packagePicture(bytes, track)
  expect(track.samples.sync.reduce((sum, sync) => sum + sync, 0)).toBeGreaterThan(1)
  expect([...packaged.starts]).toEqual([0])
  // Not by ffprobe, whose parser takes the bitstream's recovery points for key frames whatever the file says.
  const written = trackOf(await readMovie(bytesSource(packaged.file)), 'video')
  expect(written.samples.sync.reduce((sum, sync) => sum + sync, 0)).toBe(1)
})

/** Packages all sound of `track`: `dropped` frames of priming, `silenceBefore` silent frames, two segments. */
function packageSound(
  bytes: Uint8Array,
  track: MovieTrack,
  options: { dropped: number; silenceBefore: number; silenceAfter: number; editStartSamples: number },
) {
  const asc = track.entries[0]?.config ?? new Uint8Array(0)
  const { sampleRate } = readAudioSpecificConfig(asc)
  const sampleEntry = mp4aEntry({ asc, channels: 2, sampleRate, bitrate: 64_000 })
  const init = writeAudioInit({
    timescale: sampleRate,
    sampleEntry,
    editStartSamples: options.editStartSamples,
  })
  const frames = options.silenceBefore + track.samples.count - options.dropped + options.silenceAfter
  const cuts = [0, Math.floor(frames / 2), frames]
  const segments = cuts.slice(1).map((endFrame, index) =>
    cutAudioSegment({
      samples: track.samples,
      firstFrame: cuts[index] ?? 0,
      endFrame,
      dropped: options.dropped,
      silenceBefore: options.silenceBefore,
      silentFrame: silentAacFrame(2),
      sequence: index + 1,
    }),
  )
  return { frames, file: joinPieces(bytes, [init, ...segments.flatMap(({ head, body }) => [head, ...body])]) }
}

describe('sound', () => {
  test('the priming frame is dropped, every other packet is the source’s, 1,024 samples apart from 0', async () => {
    const source = await samples.make('plain')
    const { bytes, ...reader } = await fileSource(source)
    const track = trackOf(await readMovie(reader), 'audio')
    const sound = packageSound(bytes, track, {
      dropped: 1,
      silenceBefore: 0,
      silenceAfter: 0,
      editStartSamples: 0,
    })
    const target = samples.path('sound-packaged.mp4')
    await writeFile(target, sound.file)
    const [from, to] = [await probePackets(source, 'a:0'), await probePackets(target, 'a:0')]
    expect(to.map(({ hash }) => hash)).toEqual(from.slice(1).map(({ hash }) => hash))
    expect(to.map(({ pts }) => pts)).toEqual(to.map((_, index) => index * 1024))
  })

  test('late sound is filled with silence and trimmed to the sample by the edit list', async () => {
    const source = await samples.make('lateSound')
    const { bytes, ...reader } = await fileSource(source)
    const track = trackOf(await readMovie(reader), 'audio')
    const times = presentationTimes(track)
    // 0.48 s late, less one frame of priming; ffmpeg writes the empty edit in whole milliseconds.
    expect(times[0]).toBe(Math.floor(0.48 * 1000 - 1024 / 48) * 48)
    const start = times[0] ?? 0
    const silenceBefore = Math.ceil(start / 1024)
    const editStartSamples = silenceBefore * 1024 - start
    const sound = packageSound(bytes, track, { dropped: 0, silenceBefore, silenceAfter: 2, editStartSamples })
    const target = samples.path('late-packaged.mp4')
    await writeFile(target, sound.file)
    const [from, to] = [await probePackets(source, 'a:0'), await probePackets(target, 'a:0')]
    expect(to).toHaveLength(sound.frames)
    expect(to.slice(silenceBefore, -2).map(({ hash }) => hash)).toEqual(from.map(({ hash }) => hash))
    expect(to.slice(silenceBefore, -2).map(({ pts }) => pts)).toEqual([...times])
    expect(to[0]?.pts).toBe(-editStartSamples)
  })
})

describe('a slice piped to the decoder shows the same frames at the presentation times', () => {
  test.each<SampleName>(SLICED)('%s', async (name) => {
    const source = await samples.make(name)
    const { bytes, ...reader } = await fileSource(source)
    const track = trackOf(await readMovie(reader), 'video')
    const times = presentationTimes(track)
    const starts = allowedCuts(track.samples, times)
    const frames = await decodedFrames(source, 'v:0', ['-noautorotate'])
    const whole = { start: 0, end: track.samples.count }
    const middle = starts.length > 3 ? { start: starts[1] ?? 0, end: starts[3] ?? 0 } : whole
    for (const range of [whole, middle]) {
      const slice = sliceSource({ track, range })
      const file = joinPieces(bytes, slice.parts)
      expect(file.byteLength).toBe(slice.sizeBytes)
      const target = samples.path(`${name}-slice.mp4`)
      await writeFile(target, file)
      expect(await decodedFrames(target, 'v:0', ['-f', 'mov'])).toEqual(frames.slice(range.start, range.end))
      const packets = await probePackets(target, 'v:0')
      const own = times.subarray(range.start, range.end)
      expect(packets.map(({ pts }) => pts)).toEqual([...own].map((time) => time + slice.shiftTicks))
    }
  })

  test.each<SampleName>(['plain', 'mov', 'fragmented'])('sound of %s', async (name) => {
    const source = await samples.make(name)
    const { bytes, ...reader } = await fileSource(source)
    const track = trackOf(await readMovie(reader), 'audio')
    const times = presentationTimes(track)
    const range = { start: 1, end: track.samples.count }
    const slice = sliceSource({ track, range })
    const target = samples.path(`${name}-sound-slice.mp4`)
    await writeFile(target, joinPieces(bytes, slice.parts))
    const packets = await probePackets(target, 'a:0')
    expect(packets.map(({ pts }) => pts)).toEqual(
      [...times.subarray(1)].map((time) => time + slice.shiftTicks),
    )
    expect(await decodedFrames(target, 'a:0', ['-f', 'mov'])).not.toHaveLength(0)
  })
})

describe('real sources', () => {
  const present = existsSync(REAL_SOURCES)
  if (!present) console.log(`skipped: real sources, since there is no folder ${REAL_SOURCES}`)
  test.skipIf(!present).each(['bbb-480p-30s.mp4', 'car-detection.mp4'])('%s', async (name) => {
    await checkPicture(path.join(REAL_SOURCES, name), samples.path(name))
  })
})
