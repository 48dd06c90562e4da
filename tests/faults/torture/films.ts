/** What the clients of the torture upload: short films that cost little to encode, and files that are none. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeNoise, type Source } from '../sources.ts'

const execute = promisify(execFile)

const picture = (seconds: number) =>
  ['-f', 'lavfi', '-i', `testsrc2=size=160x90:rate=25:duration=${seconds},noise=alls=20:allf=t`] as const
const tone = (hertz: number, seconds: number) =>
  ['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000:duration=${seconds}`] as const
const words = (text: string) => text.split(' ')
const H264 = words('-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p')

const RECIPES: Readonly<Record<string, readonly string[]>> = {
  /** Larger than one upload chunk; passed through beside a ladder. */
  'large.mp4': [
    ...picture(14),
    ...tone(440, 14),
    ...H264,
    ...words('-b:v 4M -minrate 4M -maxrate 4M -bufsize 4M -x264-params nal-hrd=cbr -c:a aac'),
  ],
  'small.mp4': [...picture(9), ...tone(440, 9), ...H264, ...words('-b:v 300k -c:a aac -movflags +faststart')],
  /** Copied into another container first; its second sound becomes an audio track. */
  'two-sounds.mkv': [
    ...picture(6),
    ...tone(440, 6),
    ...tone(880, 6),
    ...words('-map 0 -map 1 -map 2'),
    ...H264,
    ...words('-b:v 300k -c:a aac'),
  ],
  /** Nothing a browser plays. */
  'old.avi': [...picture(9), ...tone(440, 9), ...words('-c:v mpeg4 -b:v 500k -c:a mp3')],
  /** Sound to add. */
  'sound.m4a': [...tone(660, 8), ...words('-c:a aac')],
}

/** All of them. */
export type Films = {
  /** Sent by tus. */
  readonly large: readonly Source[]
  /** Sent by form or fetched. */
  readonly small: readonly Source[]
  readonly sound: Source
  byName(name: string): Source
}

/** Makes what is missing in `folder`. */
export async function makeFilms(folder: string): Promise<Films> {
  const made: Source[] = []
  for (const [name, args] of Object.entries(RECIPES)) {
    const path = join(folder, name)
    if (!existsSync(path)) await make(path, args)
    made.push({ name, path, ends: 'ready' })
  }
  const noise = (await makeNoise(folder)).slice(0, 2)
  const all = [...made, ...noise]
  const byName = (name: string): Source => {
    const film = all.find((each) => each.name === name)
    if (!film) throw new Error(`there is no film ${name}`)
    return film
  }
  return {
    large: ['large.mp4', ...noise.map(({ name }) => name)].map(byName),
    small: ['small.mp4', 'two-sounds.mkv', 'old.avi'].map(byName),
    sound: byName('sound.m4a'),
    byName,
  }
}

/** Complete or not there, also after an interruption. */
async function make(path: string, args: readonly string[]): Promise<void> {
  const part = path.replace(/\.(\w+)$/, '.part.$1')
  await execute('ffmpeg', ['-v', 'error', '-y', ...args, part])
  await rename(part, path)
}
