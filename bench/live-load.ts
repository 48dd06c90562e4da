/** What broadcasts that are passed through cost: processor time, memory, and whether every part comes. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { readMovie } from '../src/media/isobmff/read-movie.ts'
import type { TestServer } from '../tests/harness/server.ts'
import { bytesSource } from '../tests/media-samples.ts'
import { type BenchInput, createInput, publishTarget, waitUntilLive } from './live-input.ts'
import { publishFile } from './live-publisher.ts'
import { type Seen, watchParts } from './live-viewer.ts'
import { cpuSeconds, currentBytes } from './process-figures.ts'

const execute = promisify(execFile)
/** The first seconds of a broadcast are not its usual ones. */
const SETTLING_MS = 3_000

export type Load = {
  readonly inputs: number
  readonly viewersEach: number
  /** A film that can be sent again and again. */
  readonly film: string
  readonly seconds: number
}

export type LoadFigures = {
  /** Of one core. */
  readonly serverShare: number
  readonly publishersShare: number
  readonly bytesPerInput: number
  readonly seen: readonly Seen[]
  /** Parts of one viewer that there should have been, by the clock. */
  readonly expectedParts: number
}

/** Publishes and watches for a while. */
export async function measureLoad(server: TestServer, load: Load): Promise<LoadFigures> {
  const idleBytes = currentBytes(server.pid)
  const inputs: BenchInput[] = []
  for (let count = 0; count < load.inputs; count += 1) inputs.push(await createInput(server))
  const publishers = inputs.map((input) => publishFile(load.film, publishTarget(input)))
  const ending = new AbortController()
  try {
    await Promise.all(inputs.map((input) => waitUntilLive(server, input)))
    const viewers = inputs.flatMap((input) =>
      Array.from({ length: load.viewersEach }, () => watchParts(server.url, input.uid, ending.signal)),
    )
    // Whoever fails is met at the end.
    for (const viewer of viewers) viewer.catch(() => {})
    await sleep(SETTLING_MS)
    const pids = publishers.map(({ pid }) => pid)
    const before = figures(server.pid, pids)
    await sleep(load.seconds * 1_000)
    const after = figures(server.pid, pids)
    const bytesPerInput = (currentBytes(server.pid) - idleBytes) / load.inputs
    ending.abort()
    const tookSeconds = (after.ms - before.ms) / 1_000
    return {
      serverShare: (after.server - before.server) / tookSeconds,
      publishersShare: (after.publishers - before.publishers) / tookSeconds,
      bytesPerInput,
      seen: await Promise.all(viewers),
      expectedParts: ((SETTLING_MS / 1_000 + tookSeconds) / PART_SECONDS) * TRACKS,
    }
  } finally {
    ending.abort()
    await Promise.all(publishers.map((publisher) => publisher.stop()))
  }
}

const PART_SECONDS = 0.5
const TRACKS = 2

function figures(server: number, publishers: readonly number[]) {
  const sum = publishers.reduce((total, pid) => total + cpuSeconds(pid), 0)
  return { ms: performance.now(), server: cpuSeconds(server), publishers: sum }
}

/** Ten seconds of a moving picture at a constant rate, with sound, as encoders of broadcasts send them. */
export async function makeBroadcastFilm(
  folder: string,
  { size, bitrate }: { size: string; bitrate: string },
): Promise<string> {
  const path = join(folder, `${size}-${bitrate}.mp4`)
  await execute('ffmpeg', [
    ...`-v error -y -f lavfi -i testsrc2=s=${size}:r=30:d=10,noise=alls=12:allf=t -f lavfi`.split(' '),
    ...'-i sine=f=440:r=48000:d=10 -c:v libx264 -preset ultrafast -pix_fmt yuv420p'.split(' '),
    ...`-b:v ${bitrate} -minrate ${bitrate} -maxrate ${bitrate} -bufsize ${bitrate}`.split(' '),
    ...'-x264-params nal-hrd=cbr:bframes=0:keyint=60:scenecut=0 -c:a aac -b:a 128k -shortest'.split(' '),
    path,
  ])
  return path
}

/** Of a film's pictures or sounds, how many were sent, and how many of them are in the recording, byte for byte. */
export type Kept = { readonly sent: number; readonly same: number }

const RECORDED_SECONDS = 5

/** Publishes the first seconds of a film, and compares its recording. `readyMs`: from the publisher's end. */
export async function compareRecording(
  server: TestServer,
  film: string,
): Promise<{ pictures: Kept; sounds: Kept; readyMs: number }> {
  const input = await createInput(server)
  const target = publishTarget(input)
  const args = ['-v', 'error', '-re', '-t', String(RECORDED_SECONDS), '-i', film, '-c', 'copy', ...target]
  const publishing = execute('ffmpeg', args)
  const videoUid = await waitUntilLive(server, input)
  await publishing
  const endedMs = performance.now()
  await untilReady(server, videoUid)
  const readyMs = performance.now() - endedMs
  const cut = join(server.dataDir, 'sent.mp4')
  await execute('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-t',
    String(RECORDED_SECONDS),
    '-i',
    film,
    '-c',
    'copy',
    cut,
  ])
  const [sent, recorded] = await Promise.all([
    samplesOf(await readFile(cut)),
    samplesOf(await readFile(join(server.dataDir, 'blobs', 'sources', videoUid))),
  ])
  return { pictures: kept(sent.video, recorded.video), sounds: kept(sent.audio, recorded.audio), readyMs }
}

function kept(sent: readonly string[], recorded: readonly string[]): Kept {
  const known = new Set(recorded)
  return { sent: sent.length, same: sent.filter((sample) => known.has(sample)).length }
}

async function untilReady(server: TestServer, uid: string): Promise<void> {
  for (const endMs = Date.now() + 60_000; Date.now() < endMs; await sleep(50)) {
    const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    if (/"state":\s*"ready"/.test(await response.text())) return
  }
  throw new Error('the recording was not ready within a minute')
}

async function samplesOf(bytes: Buffer): Promise<Record<'video' | 'audio', readonly string[]>> {
  const { tracks } = await readMovie(bytesSource(bytes))
  const of = (wanted: string): readonly string[] =>
    tracks
      .filter(({ kind }) => kind === wanted)
      .flatMap(({ samples }) =>
        Array.from({ length: samples.count }, (_, index) => {
          const start = samples.offsets[index] ?? 0
          return bytes.toString('base64', start, start + (samples.sizes[index] ?? 0))
        }),
      )
  return { video: of('video'), audio: of('audio') }
}
