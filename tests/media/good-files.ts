/** Good files in every container, small ones, made by ffmpeg; to be broken. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

const H264 = '-map 0:v -map 1:a -c:v libx264 -preset ultrafast -g 25 -c:a aac'
const OUTPUTS = {
  'last.mp4': H264,
  'first.mp4': `${H264} -movflags +faststart`,
  'fragments.mp4': `${H264} -movflags frag_keyframe+empty_moov+default_base_moof`,
  'sound.mp4': '-map 1:a -c:a aac',
  'film.mkv': H264,
  'film.flv': H264,
  'film.ts': H264,
  'film.avi': '-map 0:v -c:v mpeg4',
  'film.mxf': '-map 0:v -c:v mpeg2video',
  'sound.ogg': '-map 1:a -c:a libopus',
  'short.mp4': '-map 0:v -c:v libx264 -frames:v 2',
  'fast.mp4': '-map 0:v -vf fps=2000 -c:v libx264 -preset ultrafast -frames:v 1200',
  'line.mp4': '-map 0:v -vf scale=2048:16 -c:v libx264 -preset ultrafast',
  'wmv.mkv': '-map 0:v -c:v wmv2 -g 100',
  'hevc.mp4': '-map 0:v -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1',
} as const

/** Good files, to be broken. */
export type GoodFiles = Readonly<Record<keyof typeof OUTPUTS, Buffer>>

/** Two seconds of a test pattern with a tone, in every container. */
export async function makeGoodFiles(): Promise<GoodFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'broken-files-'))
  try {
    const inputs = '-v error -f lavfi -i testsrc2=s=160x90:r=25:d=2 -f lavfi -i sine=f=440:r=48000:d=2'.split(
      ' ',
    )
    const names = Object.keys(OUTPUTS) as (keyof GoodFiles)[]
    const outputs = names.flatMap((name) => [
      ...OUTPUTS[name].split(' '),
      ...(name.startsWith('sound') ? [] : ['-pix_fmt', 'yuv420p']),
      join(folder, name),
    ])
    await execute('ffmpeg', [...inputs, ...outputs])
    const files: Partial<Record<keyof GoodFiles, Buffer>> = {}
    for (const name of names) files[name] = await readFile(join(folder, name))
    return files as GoodFiles
  } finally {
    await rm(folder, { recursive: true })
  }
}
