/**
 * Small media files made by the real ffmpeg when a test wants them, and kept with the other samples of this machine for
 * every file and run that wants the same. What tests make of them goes into a folder of their own; `remove` deletes it.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { ByteSource } from '../src/media/isobmff/movie.ts'
import { customSample } from './harness/samples.ts'

const run = promisify(execFile)

/** Picture that differs in every frame, 25 a second. */
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x120:r=25:d=4']
const SOUND = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000:d=4']
const BOTH = [...PICTURE, ...SOUND]
/** Closed GOPs of a second with two B-frames in a row. */
const H264 = h264('keyint=25:min-keyint=25:scenecut=0:bframes=2:b-adapt=0:open-gop=0')
const AAC = ['-c:a', 'aac', '-b:a', '64k', '-ac', '2']
const FRAGMENTS = 'frag_keyframe+empty_moov+default_base_moof'

/** File name and ffmpeg's arguments before it, by kind. */
const SAMPLES = {
  plain: ['plain.mp4', ...BOTH, ...H264, ...AAC],
  faststart: ['faststart.mp4', ...BOTH, ...H264, ...AAC, '-movflags', '+faststart'],
  silent: ['silent.mp4', ...PICTURE, ...H264],
  soundOnly: ['sound.m4a', ...SOUND, ...AAC],
  noReordering: ['no-reordering.mp4', ...BOTH, ...h264('keyint=25:scenecut=0:bframes=0'), ...AAC],
  openGop: [
    'open-gop.mp4',
    ...BOTH,
    ...h264('keyint=26:min-keyint=2:scenecut=0:bframes=3:b-adapt=0:open-gop=1'),
    ...AAC,
  ],
  fragmented: ['fragmented.mp4', ...BOTH, ...H264, ...AAC, '-movflags', FRAGMENTS],
  fragmentedDelayed: ['delayed.mp4', ...BOTH, ...H264, ...AAC, '-movflags', `${FRAGMENTS}+delay_moov`],
  fragmentedBaseOffset: [
    'base-offset.mp4',
    ...BOTH,
    ...H264,
    ...AAC,
    '-movflags',
    'frag_keyframe+empty_moov',
  ],
  fragmentedOmitBase: [
    'omit-base.mp4',
    ...BOTH,
    ...H264,
    ...AAC,
    '-movflags',
    'frag_keyframe+empty_moov+omit_tfhd_offset',
  ],
  fragmentedBoth: ['both.mp4', ...BOTH, ...H264, ...AAC, '-movflags', 'frag_keyframe'],
  fragmentedSeparate: ['separate.mp4', ...BOTH, ...H264, ...AAC, '-movflags', `${FRAGMENTS}+separate_moof`],
  fragmentedNegative: [
    'negative.mp4',
    ...BOTH,
    ...H264,
    ...AAC,
    '-movflags',
    `${FRAGMENTS}+negative_cts_offsets`,
  ],
  dash: ['dash.mp4', ...BOTH, ...H264, ...AAC, '-movflags', 'dash+frag_every_frame+empty_moov'],
  negative: ['negative-plain.mp4', ...BOTH, ...H264, ...AAC, '-movflags', 'negative_cts_offsets'],
  variableRate: [
    'variable.mp4',
    ...BOTH,
    '-vf',
    "select='not(eq(mod(n,5),2))*not(eq(mod(n,7),3))'",
    '-fps_mode',
    'vfr',
    ...h264('keyint=20:scenecut=0:bframes=2:open-gop=0'),
    ...AAC,
  ],
  lateSound: ['late-sound.mp4', ...PICTURE, '-itsoffset', '0.48', ...SOUND, ...H264, ...AAC],
  latePicture: ['late-picture.mp4', '-itsoffset', '0.1', ...PICTURE, ...SOUND, ...H264, ...AAC],
  ntsc: [
    'ntsc.mp4',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=160x120:r=30000/1001:d=4',
    ...SOUND,
    ...H264,
    ...AAC,
    '-video_track_timescale',
    '30000',
  ],
  hevc: [
    'hevc.mp4',
    ...BOTH,
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p10le',
    '-x265-params',
    'log-level=none',
    '-tag:v',
    'hvc1',
    ...AAC,
  ],
  mov: ['pcm.mov', ...BOTH, ...H264, '-c:a', 'pcm_s16le', '-ac', '2'],
  movAac: ['aac.mov', ...BOTH, ...H264, ...AAC],
  wide: ['wide.mp4', ...PICTURE, '-vf', 'setsar=2/1', ...H264],
  interlaced: ['interlaced.mp4', ...PICTURE, '-flags', '+ildct', ...h264('interlaced=1:keyint=25')],
  matroska: ['plain.mkv', ...BOTH, ...H264, ...AAC],
  webm: ['plain.webm', ...PICTURE, '-c:v', 'libvpx', '-deadline', 'realtime'],
  avi: ['plain.avi', ...BOTH, '-c:v', 'mpeg4', '-c:a', 'mp3'],
  flv: ['plain.flv', ...BOTH, ...H264, ...AAC],
  mpegts: ['plain.ts', ...BOTH, ...H264, ...AAC],
  m2ts: ['plain.m2ts', ...BOTH, ...H264, ...AAC, '-mpegts_m2ts_mode', '1'],
  mpegps: ['plain.mpg', ...BOTH, '-c:v', 'mpeg2video', '-c:a', 'mp2'],
  mpegvideo: ['plain.m2v', ...PICTURE, '-c:v', 'mpeg2video'],
  mxf: ['plain.mxf', ...BOTH, '-c:v', 'mpeg2video', '-c:a', 'pcm_s16le'],
  gxf: ['plain.gxf', ...PICTURE, '-s', '720x576', '-pix_fmt', 'yuv420p', '-c:v', 'mpeg2video'],
  asf: ['plain.asf', ...BOTH, '-c:v', 'msmpeg4', '-c:a', 'wmav2'],
  ogg: ['plain.ogg', ...SOUND, '-c:a', 'libvorbis'],
  threeGp: ['plain.3gp', ...PICTURE, '-c:v', 'mpeg4'],
  mp3: ['plain.mp3', ...SOUND, '-id3v2_version', '0', '-write_xing', '0'],
  mp3Tagged: ['tagged.mp3', ...SOUND],
  wav: ['plain.wav', ...SOUND],
  flac: ['plain.flac', ...SOUND],
  adts: ['plain.aac', ...SOUND, ...AAC],
  aiff: ['plain.aiff', ...SOUND],
  ac3: ['plain.ac3', ...SOUND],
  png: ['picture.png', ...PICTURE, '-frames:v', '1'],
  jpeg: ['picture.jpg', ...PICTURE, '-frames:v', '1'],
  gif: ['picture.gif', ...PICTURE, '-frames:v', '3'],
  webp: ['picture.webp', ...PICTURE, '-frames:v', '1'],
  bmp: ['picture.bmp', ...PICTURE, '-frames:v', '1'],
} as const satisfies Record<string, readonly [string, ...string[]]>

export type SampleName = keyof typeof SAMPLES | 'rotated'

function h264(parameters: string): string[] {
  return [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-pix_fmt',
    'yuv420p',
    '-threads',
    '1',
    '-x264-params',
    parameters,
  ]
}

export type Samples = {
  /** Path of a file of that kind. Do not change it. */
  make(name: SampleName): Promise<string>
  /** A path in the folder of this test. */
  path(name: string): string
  /** Deletes the folder. */
  remove(): Promise<void>
}

/** A folder for what is made of samples; whoever opens it removes it. */
export async function openSamples(): Promise<Samples> {
  const folder = await mkdtemp(path.join(tmpdir(), 'headwater-samples-'))
  return {
    make: makeSample,
    path: (name) => path.join(folder, name),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function makeSample(name: SampleName): Promise<string> {
  if (name === 'rotated') {
    return customSample('rotated.mp4', [
      '-i',
      await makeSample('plain'),
      ...'-c copy -metadata:s:v rotate=90'.split(' '),
    ])
  }
  const [file, ...args] = SAMPLES[name]
  return customSample(file, args)
}

/** Runs ffmpeg quietly; answers its standard output as text. */
export async function ffmpeg(args: readonly string[]): Promise<string> {
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { maxBuffer: 2 ** 28 })
  return stdout
}

/** One packet as ffprobe reads it; times in the stream's timescale. */
export type ProbedPacket = {
  readonly pts: number
  readonly dts: number
  readonly duration: number
  readonly size: number
  readonly key: boolean
  readonly hash: string
}

/** All packets of one stream (`v:0`, `a:0`) as ffprobe reads them. */
export async function probePackets(file: string, stream: string): Promise<ProbedPacket[]> {
  const { stdout } = await run(
    'ffprobe',
    [
      '-v',
      'error',
      '-select_streams',
      stream,
      '-show_packets',
      '-show_data_hash',
      'md5',
      '-of',
      'json',
      file,
    ],
    { maxBuffer: 2 ** 28 },
  )
  const parsed = JSON.parse(stdout) as { packets?: Record<string, string | number>[] }
  return (parsed.packets ?? []).map((packet) => ({
    pts: Number(packet['pts']),
    dts: Number(packet['dts']),
    duration: Number(packet['duration']),
    size: Number(packet['size']),
    key: String(packet['flags']).startsWith('K'),
    hash: String(packet['data_hash']),
  }))
}

/** MD5 of every decoded frame of one stream, in the order shown. */
export async function decodedFrames(
  file: string,
  stream = 'v:0',
  input: readonly string[] = [],
): Promise<string[]> {
  const text = await ffmpeg([
    ...input,
    '-i',
    file,
    '-map',
    `0:${stream}`,
    '-fps_mode',
    'passthrough',
    '-f',
    'framemd5',
    '-',
  ])
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '')
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    read: async (target, position) => {
      const part = bytes.subarray(position, position + target.byteLength)
      target.set(part)
      return part.byteLength
    },
  }
}

/** A file as a source, read into memory. */
export async function fileSource(file: string): Promise<ByteSource & { bytes: Uint8Array }> {
  const bytes = new Uint8Array(await readFile(file))
  return { bytes, ...bytesSource(bytes) }
}

/** The bytes that head, ranges of `blob` and literal pieces stand for. */
export function joinPieces(
  blob: Uint8Array,
  pieces: readonly (Uint8Array | { readonly start: number; readonly end: number })[],
): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      pieces.map((piece) => (piece instanceof Uint8Array ? piece : blob.subarray(piece.start, piece.end))),
    ),
  )
}

/** Real sources that are not part of the repository: a folder beside it, where somebody has put one. */
export const REAL_SOURCES = path.join(import.meta.dirname, '../../shared/media')
