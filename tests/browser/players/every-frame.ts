/**
 * Four players, one presentation: while the rendition is switched at every segment, every displayed frame is read back,
 * beeps are compared with the clock of the picture, and seeks must land on the exact frame.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { startServer, type TestServer, uploadFile, waitForVideo } from '../../harness/server.ts'
import { type BenchPage, openBenchPage, type PlayerName, type Playthrough } from './bench-page.ts'
import { makeNumberedSource, type NumberedSource } from './numbered-source.ts'

/** One AAC frame at 48 kHz; what a viewer could not notice. */
const SOUND_TOLERANCE_MS = 21

/** Encoder options of every source. */
export const ENCODER = ['-preset', 'veryfast', '-bf', '2', '-sc_threshold', '0']

/** What is played. */
export type Played = Omit<NumberedSource, 'file'> & { readonly fps: number }

/** Every player with what it is given. */
export const PLAYERS: readonly { player: PlayerName; manifest: string }[] = [
  { player: 'hls', manifest: 'video.m3u8' },
  { player: 'shaka', manifest: 'video.m3u8' },
  { player: 'shaka', manifest: 'video.mpd' },
  { player: 'dash', manifest: 'video.mpd' },
]

/**
 * dash.js applies a switch a moment after it was asked for; when that moment falls behind its last request it never says
 * that the stream is over. It gets another try, the others do not.
 */
export const tries = (player: PlayerName): { retry: number } => ({ retry: player === 'dash' ? 2 : 0 })

/** A server with the whole video, and a browser to play it in. */
export type Stage = {
  readonly server: TestServer
  readonly bench: BenchPage
  readonly uid: string
  close(): Promise<void>
}

/** Makes the source, has all of its renditions made, and opens the page. */
export async function openStage(source: Played): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-players-'))
  const file = join(folder, 'source.mp4')
  const [server] = await Promise.all([startServer(), makeNumberedSource({ ...source, file })])
  const { uid } = await uploadFile(server, file)
  await waitForVideo(server, uid, 'complete')
  const bench = await openBenchPage(file)
  return {
    server,
    bench,
    uid,
    close: async () => {
      await bench.close()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Plays a manifest and holds every frame, the sound and the seeks against the source. */
export async function expectPlaysEverywhere(
  { bench }: Stage,
  source: Played,
  { player, url }: { player: PlayerName; url: string },
): Promise<void> {
  await bench.reload()
  const result = await bench.playThrough({ player, url, switching: true })
  // hls.js also reports what it recovers from by itself; a stall or a gap would show below.
  const fatal = result.errors.filter(
    (error) => player !== 'hls' || error.endsWith('fatal') || error.startsWith('stuck'),
  )
  expect(fatal).toEqual([])
  expect(result.ended).toBe(true)
  expect(new Set(result.frames.map(([, , width]) => width)).size).toBeGreaterThan(1)
  expectEveryFrameInItsPlace(result, source)
  expectOneRange(result, source)
  expectSoundWithPicture(result)
  for (const frame of framesAroundJoins(source)) {
    const seek = await bench.seekAndRead((frame + 0.5) / source.fps)
    expect(seek.number, `seek to frame ${frame} in ${player}`).toBe(frame)
  }
}

/** The number burnt into each displayed picture is the one its media time says; none is missing but dropped ones. */
function expectEveryFrameInItsPlace(result: Playthrough, source: Played): void {
  const misplaced = result.frames.filter(
    ([mediaTime, number]) => number !== Math.round(mediaTime * source.fps),
  )
  expect(misplaced.slice(0, 10)).toEqual([])
  // A busy machine drops pictures on the screen; frames that the presentation lost would show as misplaced or as a gap.
  expect(result.frames.length).toBeGreaterThan(source.seconds * source.fps * 0.2)
}

function expectOneRange(result: Playthrough, source: Played): void {
  expect(result.ranges.length).toBe(1)
  const [start, end] = result.ranges[0] ?? [-1, -1]
  // Players may evict what lies behind; what is there has no hole and reaches the end.
  expect(start).toBeGreaterThanOrEqual(0)
  expect(Math.abs(end - source.seconds)).toBeLessThan(0.05)
  expect(Math.abs(result.duration - source.seconds)).toBeLessThan(0.05)
}

/** Beeps lie on whole seconds of the picture's clock. */
export function expectSoundWithPicture(result: Playthrough): void {
  const offsets = result.clock.map(([context, media]) => media - context).sort((a, b) => a - b)
  const offset = offsets[offsets.length >> 1] ?? Number.NaN
  const errorsMs = result.beeps.map((beep) => {
    const media = beep + offset
    return Math.abs(media - Math.round(media)) * 1000
  })
  expect(errorsMs.length).toBeGreaterThan(3)
  errorsMs.sort((a, b) => a - b)
  expect(errorsMs[errorsMs.length >> 1]).toBeLessThan(SOUND_TOLERANCE_MS)
}

/** Frames on both sides of 4 s steps, where segments usually join, and two in between. */
function framesAroundJoins(source: Played): number[] {
  const join4 = Math.round(4 * source.fps)
  const join8 = Math.round(8 * source.fps)
  return [join4 + 1, join4 - 1, join4, join8, join8 - 1, 7, Math.round(source.seconds * source.fps) - 3]
}
