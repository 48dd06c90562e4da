/** What independent readers make of a broadcast's package: its recording and its segments are the film that was sent. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LivePackage, type RecordedFragment } from '../../src/core/live-packaging/index.ts'
import { readRecording } from '../../src/media/live/read-recording.ts'
import { type FilmRecipe, later, type LiveFilm, makeFilm, readFilm } from './live-units.ts'

const run = promisify(execFile)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Sends a film; answers the package and its recording. */
function broadcast(film: LiveFilm) {
  const fragments: RecordedFragment[] = []
  const pack = new LivePackage({
    id: 'b',
    clock: { nowUs: () => 1_790_000_000_000_000 },
    onFragment: (fragment) => fragments.push(fragment),
  })
  for (const format of [film.video, film.audio]) if (format !== null) pack.format(format)
  for (const unit of film.units) pack.unit(unit)
  pack.end()
  return { pack, fragments, recording: [pack.recordingHeader(), ...fragments.map(({ bytes }) => bytes)] }
}

/** Digest of each picture as it is decoded, or of each frame of sound as it is stored. */
async function digests(file: string, kind: 'v' | 'a'): Promise<string[]> {
  const how = kind === 'v' ? ['-fps_mode', 'passthrough'] : ['-c', 'copy']
  const output = ['-f', 'framehash', '-hash', 'md5', '-']
  const args = ['-v', 'error', '-i', file, '-map', `0:${kind}`, ...how, ...output]
  const { stdout } = await run('ffmpeg', args)
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

/** Of sound at 48 kHz, in ticks. */
const HALF_A_FRAME = 960

const FILMS: readonly { name: string; recipe: FilmRecipe }[] = [
  { name: 'two B-frames and stereo', recipe: { seconds: 6 } },
  { name: 'no B-frames at 30 a second', recipe: { seconds: 5, rate: 30, picture: ['-g', '60', '-bf', '0'] } },
  { name: 'pictures only', recipe: { seconds: 5, sound: null } },
  {
    name: 'sound only, mono at 44.1 kHz',
    recipe: { seconds: 5, picture: null, sound: ['-ar', '44100', '-ac', '1'] },
  },
]

describe.each(FILMS)('a broadcast of $name', ({ recipe }) => {
  let sent: string
  let film: LiveFilm
  beforeAll(async () => {
    sent = join(folder, `${JSON.stringify(recipe).replaceAll(/\W+/g, '-')}.mp4`)
    await makeFilm(sent, recipe)
    film = await readFilm(sent)
  })

  test('is recorded frame by frame as it was sent', async () => {
    const file = `${sent}.recording.mp4`
    await writeFile(file, broadcast(film).recording)
    if (film.video !== null) expect(await digests(file, 'v')).toEqual(await digests(sent, 'v'))
    if (film.audio !== null) {
      const begin = film.units.find(({ kind, isSync }) => film.video === null || (kind === 'video' && isSync))
      const heard = film.units
        .filter(({ kind, pts }) => kind === 'audio' && pts >= (begin?.pts ?? 0) - HALF_A_FRAME)
        .map(({ data }) => createHash('md5').update(data).digest('hex'))
      const stored = await digests(file, 'a')
      expect(stored.slice(-heard.length)).toEqual(heard)
      // At most the silence between the first picture and the first sound.
      expect(stored.length - heard.length).toBeLessThanOrEqual(1)
    }
  })

  test('has parts of at most half a second, and segments that begin with a sync picture', () => {
    const { pack, fragments } = broadcast(film)
    for (const fragment of fragments) {
      const { timescale } = pack.find(fragment.rendition) ?? { timescale: 0 }
      expect(fragment.duration / timescale).toBeLessThanOrEqual(0.5)
      if (fragment.startsSegment) expect(fragment.isSync).toBe(true)
    }
    for (const rendition of pack.renditions) {
      expect(rendition.completeSegment).toBe(pack.cuts.length)
      const { start, end } = rendition.times(0) ?? { start: 0, end: 0 }
      expect((end - start) / rendition.timescale).toBeCloseTo(2, 1)
    }
  })
})

describe('a broadcast that goes on after a restart', () => {
  const clock = { nowUs: () => 1_790_000_000_000_000 }

  test('has the same segments, in the same bytes, as far as the recording goes', async () => {
    const film = await readFilm(await made('resumed', { seconds: 6 }))
    const smaller = await readFilm(await made('smaller', { seconds: 4, size: '160x90' }))
    const bytes: Uint8Array[] = []
    let length = 0
    const keep = ({ bytes: fragment, recorded }: RecordedFragment) => {
      if (length === 0) {
        bytes.push(first.recordingHeader())
        length = first.recordingHeader().byteLength
      }
      recorded(length)
      bytes.push(fragment)
      length += fragment.byteLength
    }
    const first = new LivePackage({ id: 'b', clock, onFragment: keep })
    for (const format of [film.video, film.audio]) if (format !== null) first.format(format)
    for (const unit of film.units) first.unit(unit)
    first.gap()
    if (smaller.video !== null) first.format(smaller.video)
    for (const unit of later(smaller.units, 7 * 90_000)) first.unit(unit)
    // The last fragment is broken off.
    const recording = Buffer.concat(bytes).subarray(0, -10)
    const found = await readRecording({
      sizeBytes: recording.byteLength,
      read: async (target, position) =>
        recording.copy(target, 0, position, Math.min(recording.byteLength, position + target.byteLength)),
    })
    expect(found.endBytes).toBe(length - (bytes.at(-1)?.byteLength ?? 0))
    const again = LivePackage.resume({ id: 'b', clock, onFragment: keep }, found, 1_790_000_000_000_000)
    expect(again.targetDuration).toBe(first.targetDuration)
    expect(again.cuts.length).toBe(first.cuts.length)
    for (const before of first.renditions) {
      const after = again.find(before.id)
      expect(after?.inits.map(({ firstSegment }) => firstSegment)).toEqual(
        before.inits.map(({ firstSegment }) => firstSegment),
      )
      for (let segment = 0; segment < before.completeSegment - 1; segment += 1) {
        expect(after?.times(segment)).toEqual(before.times(segment))
        expect(after?.ranges(segment)).toEqual(before.ranges(segment))
      }
    }
    // And goes on: behind a gap, numbered alike in both tracks.
    const count = again.cuts.length
    const on = smaller.video === null ? [] : later(smaller.units, again.endTicks + 3_000)
    for (const unit of on) again.unit(unit)
    again.end()
    expect(again.cuts.isAfterGap(count)).toBe(true)
    expect(new Set(again.renditions.map(({ completeSegment }) => completeSegment))).toEqual(
      new Set([count + 2]),
    )
  })
})

async function made(name: string, recipe: FilmRecipe): Promise<string> {
  const file = join(folder, `${name}.mp4`)
  await makeFilm(file, recipe)
  return file
}
