/** Renditions as files, read back by ffprobe and ffmpeg: readers that share nothing with ours. */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createEarly } from '../../src/core/early/index.ts'
import { createPlayback, openSegment, streamBody } from '../../src/core/playback/index.ts'
import type { Engine } from './engine.ts'

const execute = promisify(execFile)

/** Writes init and all segments of a rendition into one file; `name` as in the plan (`360p`, `audio`). */
export async function writeRendition(engine: Engine, uid: string, name: string): Promise<string> {
  const { plan } = await engine.plan(uid)
  const found = name === 'audio' ? plan.audio : plan.video.find((rendition) => rendition.name === name)
  if (!found)
    throw new Error(`the plan has no ${name}: ${plan.video.map((rendition) => rendition.name).join(', ')}`)
  const playback = createPlayback({
    ...engine,
    early: createEarly({
      ...engine,
      receiving: new Set(),
      settings: { ...engine.settings, decoder: engine.decoder.build.id },
    }),
    requestSegment: () => Promise.resolve(),
  })
  const playable = await playback.playables.find({
    id: uid,
    viewer: { address: undefined, country: undefined },
  })
  const segments = (name === 'audio' ? (plan.audio?.cuts ?? []) : plan.cuts).length - 1
  const pieces: Uint8Array[] = []
  for (const segment of ['init' as const, ...Array.from({ length: segments }, (_, index) => index)]) {
    const signal = new AbortController().signal
    const { body } = await openSegment(playback, { playable, rendition: found.id, segment, signal })
    for await (const piece of streamBody(engine.blobs, body)) pieces.push(Uint8Array.from(piece))
  }
  const path = join(engine.folder, `${uid}-${name}.mp4`)
  await writeFile(path, Buffer.concat(pieces))
  return path
}

export type ProbedPacket = { readonly seconds: number; readonly key: boolean; readonly bytes: number }
export type Probed = {
  readonly codec: string
  readonly profile: string
  readonly level: number
  readonly width: number
  readonly height: number
  readonly pixelFormat: string
  readonly channels: number
  readonly sampleRate: number
  /** In decode order. */
  readonly packets: readonly ProbedPacket[]
}

/** What ffprobe finds in the only stream of a file. */
export async function probe(path: string): Promise<Probed> {
  const { stdout } = await execute(
    'ffprobe',
    [...'-v error -show_streams -show_packets -of json'.split(' '), path],
    { maxBuffer: 1e9 },
  )
  const found = JSON.parse(stdout) as {
    streams: Record<string, string | number>[]
    packets: { pts_time: string; flags: string; size: string }[]
  }
  const stream = found.streams[0] ?? {}
  return {
    codec: String(stream.codec_name),
    profile: String(stream.profile),
    level: Number(stream.level),
    width: Number(stream.width),
    height: Number(stream.height),
    pixelFormat: String(stream.pix_fmt),
    channels: Number(stream.channels),
    sampleRate: Number(stream.sample_rate),
    packets: found.packets.map((packet) => ({
      seconds: Number(packet.pts_time),
      key: packet.flags.startsWith('K'),
      bytes: Number(packet.size),
    })),
  }
}

/** Times of what is shown, ascending, in seconds. */
export function shownTimes(probed: Probed): number[] {
  return probed.packets.map(({ seconds }) => seconds).sort((left, right) => left - right)
}

/** MD5 of every decoded picture. */
export async function pictureHashes(path: string, filters = 'null'): Promise<string[]> {
  const { stdout } = await execute(
    'ffmpeg',
    [
      ...'-v error -i'.split(' '),
      path,
      ...`-map 0:v:0 -vf ${filters} -fps_mode passthrough -f framemd5 -`.split(' '),
    ],
    { maxBuffer: 1e9 },
  )
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

/** PSNR of every picture of `path` against the same picture of `reference`, after both were put through `filters`. */
export async function picturePsnr(
  path: string,
  reference: string,
  filters: { path: string; reference: string },
): Promise<number[]> {
  // Numbers instead of times: the n-th picture against the n-th.
  const graph = `[0:v]settb=1/1000,setpts=N,${filters.path}[a];[1:v]settb=1/1000,setpts=N,${filters.reference}[b];[a][b]psnr=stats_file=-`
  const { stdout } = await execute(
    'ffmpeg',
    [
      ...'-v error -i'.split(' '),
      path,
      '-i',
      reference,
      '-lavfi',
      graph,
      ...'-fps_mode passthrough -f null -'.split(' '),
    ],
    { maxBuffer: 1e9 },
  )
  return [...stdout.matchAll(/psnr_avg:(\S+)/g)].map((match) => (match[1] === 'inf' ? 99 : Number(match[1])))
}
