/**
 * Sources of any length at little cost: ten seconds are encoded once, longer ones are the same packets over and over.
 * The sound is repeated as a bare stream of AAC frames, so that they follow one another as evenly as an encoder's would
 * (looping the file leaves a gap of a fraction of a frame at every joint). Kept in a folder of this machine's temporary
 * files.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** Raise it when a recipe changes. */
const EDITION = 2
const FOLDER = join(tmpdir(), `headwater-bench-${EDITION}`)
const BASE_SECONDS = 10

/**
 * `h264`: 720p at some 400 kbit/s, passed through. `dense`: 720p with segments of 2 MiB, passed through. `hevc`: 1080p,
 * everything is encoded.
 */
export type BenchCodec = 'h264' | 'dense' | 'hevc'

const RECIPES: Readonly<Record<BenchCodec, { picture: string; args: string }>> = {
  h264: {
    picture: `testsrc2=size=1280x720:rate=30:duration=${BASE_SECONDS}`,
    args: '-c:v libx264 -preset veryfast -b:v 350k -maxrate 500k -bufsize 700k -g 60 -bf 2 -pix_fmt yuv420p -c:a aac -b:a 64k',
  },
  dense: {
    picture: `testsrc2=size=1280x720:rate=30:duration=${BASE_SECONDS}`,
    // A constant rate, filled up: four seconds of it are two MiB.
    args: '-c:v libx264 -preset veryfast -b:v 4194k -minrate 4194k -maxrate 4194k -bufsize 4194k -x264-params nal-hrd=cbr -g 60 -bf 2 -pix_fmt yuv420p -c:a aac -b:a 64k',
  },
  hevc: {
    picture: `testsrc2=size=1920x1080:rate=30:duration=${BASE_SECONDS}`,
    args: '-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error:keyint=60 -pix_fmt yuv420p -c:a aac -b:a 96k',
  },
}

/** Path of a source that lasts `durationSeconds`, a multiple of ten; made when it is not there yet. */
export async function benchSource(codec: BenchCodec, durationSeconds: number): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const base = join(FOLDER, `${codec}-${BASE_SECONDS}.mp4`)
  const { picture, args } = RECIPES[codec]
  const tone = `sine=frequency=440:sample_rate=48000:duration=${BASE_SECONDS}`
  await make(base, ['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', tone, ...args.split(' '), '-shortest'])
  if (durationSeconds <= BASE_SECONDS) return base
  const long = join(FOLDER, `${codec}-${durationSeconds}.mp4`)
  if (existsSync(long)) return long
  const loops = Math.round(durationSeconds / BASE_SECONDS) - 1
  const sound = await repeatSound(base, loops + 1)
  const looped = ['-stream_loop', String(loops), '-i', base, '-f', 'aac', '-i', sound]
  const tag = codec === 'hevc' ? 'hvc1' : 'avc1'
  await make(long, [
    ...looped,
    '-map',
    '0:v',
    '-map',
    '1:a',
    '-c',
    'copy',
    '-tag:v',
    tag,
    '-t',
    String(durationSeconds),
  ])
  await rm(sound)
  return long
}

/** The sound of `base`, `times` over, as one ADTS stream. */
async function repeatSound(base: string, times: number): Promise<string> {
  const once = join(FOLDER, 'once.aac')
  await execute('ffmpeg', ['-v', 'error', '-y', '-i', base, '-vn', '-c', 'copy', '-f', 'adts', once])
  const bytes = await readFile(once)
  const path = join(FOLDER, 'sound.aac')
  await writeFile(path, Buffer.concat(Array.from({ length: times }, () => bytes)))
  await rm(once)
  return path
}

async function make(path: string, args: readonly string[]): Promise<void> {
  if (existsSync(path)) return
  const draft = path.replace(/\.mp4$/, '.draft.mp4')
  await execute('ffmpeg', ['-v', 'error', '-y', ...args, draft], { maxBuffer: 2 ** 26 })
  await rename(draft, path)
}
