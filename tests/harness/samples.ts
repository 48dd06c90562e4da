/**
 * Small sources, made by ffmpeg when first asked for and kept in one folder of this machine's temporary files, so that
 * several test files and runs share them. The pictures are ffmpeg's test patterns, the sound is a tone.
 */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** Raise it when a recipe changes, so that nobody uses an old file. */
const EDITION = 2
const FOLDER = join(tmpdir(), `headwater-samples-${EDITION}`)

/** Arguments written as on a command line. */
const words = (text: string): readonly string[] => text.split(' ')

const picture = (size: string, rate: string, seconds: number) =>
  ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`] as const
const tone = (seconds: number) =>
  ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`] as const

const X264 = words('-c:v libx264 -preset ultrafast -pix_fmt yuv420p')
const AAC = words('-c:a aac -b:a 96k -ac 2')

/** How each file is made: everything between the program and the output file. */
const RECIPES = {
  /** What most cameras and editors give: H.264 with B-frames, AAC, index at the front. Passed through. */
  'h264-aac.mp4': [
    ...picture('640x360', '25', 10),
    ...tone(10),
    ...X264,
    ...words('-preset veryfast -bf 2 -g 50'),
    ...AAC,
    ...words('-movflags +faststart'),
  ],
  /** The same with the index at the end. */
  'moov-last.mp4': [...picture('640x360', '25', 10), ...tone(10), ...X264, '-g', '50', ...AAC],
  /** A picture without sound. */
  'silent.mp4': [...picture('640x360', '30', 6), ...X264, '-g', '60'],
  /** Fragmented, as recorders write. */
  'fragmented.mp4': [
    ...picture('640x360', '25', 6),
    ...tone(6),
    ...X264,
    ...words('-g 50'),
    ...AAC,
    ...words('-movflags +frag_keyframe+empty_moov+default_base_moof'),
  ],
  /** One keyframe only: too few places to cut, so it is encoded. */
  'one-keyframe.mp4': [
    ...picture('640x360', '25', 20),
    ...X264,
    ...words('-g 9999 -sc_threshold 0 -keyint_min 9999'),
  ],
  'hevc.mp4': [
    ...picture('640x360', '25', 5),
    ...tone(5),
    ...words('-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error'),
    ...AAC,
  ],
  'vp9.webm': [
    ...picture('640x360', '25', 5),
    ...tone(5),
    ...words('-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 500k'),
    ...words('-c:a libopus -b:a 64k'),
  ],
  'h264.mkv': [...picture('640x360', '25', 5), ...tone(5), ...X264, '-g', '50', ...AAC],
  'h264.ts': [...picture('640x360', '25', 5), ...tone(5), ...X264, '-g', '50', ...AAC],
  'portrait.mp4': [...picture('360x640', '30', 5), ...tone(5), ...X264, '-g', '60', ...AAC],
  /** Over 4 MB, since noise does not compress: enough to be cut in the middle. */
  'noise.mp4': [
    ...words('-f lavfi -i testsrc2=size=640x360:rate=25:duration=10,noise=alls=60:allf=t'),
    ...X264,
    ...words('-b:v 4M -g 50'),
  ],
  /** Sound only: no video for us. */
  'tone.m4a': [...tone(3), ...AAC],
} as const satisfies Record<string, readonly string[]>

export type SampleName = keyof typeof RECIPES

const making = new Map<string, Promise<string>>()

/** The path of a sample. Do not change the file. */
export function sample(name: SampleName): Promise<string> {
  return once(name, (draft) => runFfmpeg([...RECIPES[name], draft]))
}

/** A text file that calls itself a video. */
export function notAVideo(): Promise<string> {
  return once('not-a-video.mp4', (draft) => writeFile(draft, 'This is no video.\n'.repeat(500)))
}

/**
 * The path of a file called `name`, made by ffmpeg from `args` (without the output) and kept beside others of the same
 * recipe: one that changes makes another file.
 */
export function customSample(name: string, args: readonly string[]): Promise<string> {
  const recipe = createHash('sha256').update(args.join(' ')).digest('hex').slice(0, 12)
  return once(join(recipe, name), (draft) => runFfmpeg([...args, draft]))
}

function once(name: string, make: (draft: string) => Promise<void>): Promise<string> {
  const running = making.get(name) ?? makeFile(name, make)
  making.set(name, running)
  return running
}

/** Whole or not at all, also when several test processes want the same file at once. */
async function makeFile(name: string, make: (draft: string) => Promise<void>): Promise<string> {
  const path = join(FOLDER, name)
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (exists) return path
  await mkdir(dirname(path), { recursive: true })
  // The ending decides the container, so the draft keeps it.
  const draft = join(dirname(path), `draft-${process.pid}-${basename(path)}`)
  try {
    await make(draft)
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
  return path
}

async function runFfmpeg(args: readonly string[]): Promise<void> {
  await promisify(execFile)('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args])
}
