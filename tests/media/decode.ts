/** What ffmpeg, as an independent player, makes of something: every frame it decodes. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type DecodedStream = {
  readonly kind: 'video' | 'audio'
  /** Presentation time of each frame in seconds, in the order shown. */
  readonly times: readonly number[]
  /** Samples of each frame; pictures have 0. */
  readonly sampleCounts: readonly number[]
  readonly width: number
  readonly channels: number
  readonly sampleRate: number
}

/** Decodes every stream of an input. Fails on anything the decoder complains about. */
export async function decodeFrames(input: string, options: readonly string[] = []): Promise<DecodedStream[]> {
  const { stdout, stderr } = await run(
    'ffprobe',
    [
      '-v',
      'error',
      '-of',
      'json',
      ...options,

      '-show_entries',
      'frame=stream_index,pts_time,nb_samples:stream=index,codec_type,width,channels,sample_rate',
      '-show_frames',
      '-show_streams',
      input,
    ],
    { maxBuffer: 256 * 1024 * 1024 },
  )
  if (stderr.trim() !== '') throw new Error(`ffprobe complains about ${input}: ${stderr}`)
  const report = JSON.parse(stdout) as {
    frames: { stream_index: number; pts_time: string; nb_samples?: number }[]
    streams: {
      index: number
      codec_type: 'video' | 'audio'
      width?: number
      channels?: number
      sample_rate?: string
    }[]
  }
  return report.streams.map((stream) => {
    const frames = report.frames.filter((frame) => frame.stream_index === stream.index)
    return {
      kind: stream.codec_type,
      times: frames.map((frame) => Number(frame.pts_time)),
      sampleCounts: frames.map((frame) => frame.nb_samples ?? 0),
      width: stream.width ?? 0,
      channels: stream.channels ?? 0,
      sampleRate: Number(stream.sample_rate ?? 0),
    }
  })
}

/**
 * Decodes each of several files by itself, from a pipe of its own; answers the numbers of their pictures or sound frames.
 * Fails on any complaint. One process for all: its start costs more than what a segment does.
 */
export async function countFrames(files: readonly Buffer[]): Promise<number[]> {
  const inputs = files.flatMap((_, index) => ['-f', 'mov', '-i', `pipe:${FIRST_PIPE + index}`])
  const maps = files.flatMap((_, index) => ['-map', `${index}:0`])
  const child = spawn(
    'ffmpeg',
    ['-v', 'error', '-xerror', ...inputs, ...maps, '-fps_mode', 'passthrough', '-f', 'framecrc', 'pipe:1'],
    { stdio: ['ignore', 'pipe', 'pipe', ...files.map(() => 'pipe' as const)] },
  )
  const [, stdout, stderr, ...pipes] = child.stdio
  const said: Buffer[] = []
  const lines: Buffer[] = []
  stdout?.on('data', (piece: Buffer) => lines.push(piece))
  stderr?.on('data', (piece: Buffer) => said.push(piece))
  for (const [index, bytes] of files.entries()) {
    const pipe = pipes[index] as Writable
    // It closes when it has read enough or has failed, which it says elsewhere.
    pipe.on('error', () => undefined)
    pipe.end(bytes)
  }
  await once(child, 'close')
  if (said.length > 0) throw new Error(`ffmpeg complains: ${Buffer.concat(said).toString()}`)
  const counts = files.map(() => 0)
  for (const line of Buffer.concat(lines).toString().split('\n')) {
    const [, file] = /^(\d+),/.exec(line) ?? []
    if (file !== undefined) counts[Number(file)] = (counts[Number(file)] ?? 0) + 1
  }
  return counts
}

/** Of a process: behind its input, output and errors. */
const FIRST_PIPE = 3

/** Size at which pictures are compared: enough to tell a frame from its neighbours. */
const GREY = { width: 160, height: 90 }

/** Every picture of an input in small and grey, in the order shown. */
export async function greyPictures(input: string): Promise<Buffer[]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      input,
      '-map',
      '0:v:0',
      '-fps_mode',
      'passthrough',
      '-vf',
      `scale=${GREY.width}:${GREY.height}:flags=area,format=gray`,
      '-f',
      'rawvideo',
      'pipe:1',
    ],
    { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 },
  )
  const size = GREY.width * GREY.height
  return Array.from({ length: stdout.length / size }, (_, index) =>
    stdout.subarray(index * size, (index + 1) * size),
  )
}

/** Mean difference of two pictures, 0 to 255. */
export function difference(a: Buffer, b: Buffer): number {
  let sum = 0
  for (let index = 0; index < a.length; index += 1) sum += Math.abs((a[index] ?? 0) - (b[index] ?? 0))
  return sum / a.length
}

/** The first sound of an input as samples of one channel at 48 kHz, from presentation time 0 on, holes filled. */
export async function soundSamples(input: string): Promise<Float32Array> {
  const { stdout } = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      // Without it the input is moved so that it begins at 0, also where that is the edit list's start before 0.
      '-copyts',
      '-i',
      input,
      '-map',
      '0:a:0',
      '-af',
      // By default holes below a tenth of a second are not filled.
      'aresample=48000:async=1:min_hard_comp=0.001:first_pts=0',
      '-ac',
      '1',
      '-f',
      'f32le',
      'pipe:1',
    ],
    { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 },
  )
  return new Float32Array(
    stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length - (stdout.length % 4)),
  )
}
