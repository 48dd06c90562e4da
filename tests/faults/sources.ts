/** Small sources for the fault tests, made with ffmpeg (test pattern, noise, tone) and kept while the test runs. */

import { execFile } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** A file to upload and how its video must end. */
export type Source = { readonly name: string; readonly path: string; readonly ends: 'ready' | 'error' }

const PICTURE = 'testsrc2=size=426x240:rate=25:duration=24,noise=alls=40:allf=t'
const TONE = 'sine=frequency=440:sample_rate=48000:duration=24'
// A little over 12 MB: three upload chunks, and an encode of a few seconds.
const H264 = '-c:v libx264 -preset ultrafast -b:v 4M -maxrate 5M -bufsize 5M -g 50 -pix_fmt yuv420p'

/** Arguments after the inputs, by file name. */
const RECIPES: Readonly<Record<string, string>> = {
  // Passed through, and a ladder beside it.
  'passthrough.mp4': `${H264} -c:a aac`,
  // Its index before its bytes.
  'index-first.mp4': `${H264} -c:a aac -movflags +faststart`,
  // The same bytes in another container: copied into an indexed one first.
  'remuxed.mkv': `${H264} -c:a aac`,
  // Nothing a browser plays: everything is encoded, a low rung first.
  'encoded.avi': '-c:v mpeg4 -b:v 4M -maxrate 5M -bufsize 5M -c:a mp3',
}

/** Makes what is missing in `folder`. The last one is text that claims to be a video. */
export async function makeSources(folder: string): Promise<readonly Source[]> {
  const sources: Source[] = []
  for (const [name, args] of Object.entries(RECIPES)) {
    const path = join(folder, name)
    if (!existsSync(path)) await makeVideo(path, args.split(' '))
    sources.push({ name, path, ends: 'ready' })
  }
  const text = join(folder, 'text.mp4')
  if (!existsSync(text)) await writeFile(text, 'This is not a video.\n'.repeat(300_000))
  return [...sources, { name: 'text.mp4', path: text, ends: 'error' }]
}

const MIB = 2 ** 20
/** Sizes that end in the middle of everything. */
const NOISE_BYTES: readonly number[] = [11 * MIB + 7, 7 * MIB + 262_143, 16 * MIB]

/** Files that are no videos: all different, and nothing in them repeats. For many uploads that cost no encoding. */
export async function makeNoise(folder: string): Promise<readonly Source[]> {
  return Promise.all(
    NOISE_BYTES.map(async (sizeBytes, index): Promise<Source> => {
      const name = `noise-${index}.bin`
      const path = join(folder, name)
      if (!existsSync(path)) {
        const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, index), Buffer.alloc(16))
        await writeFile(path, cipher.update(Buffer.alloc(sizeBytes)))
      }
      return { name, path, ends: 'error' }
    }),
  )
}

/** Whether a source of this name is one of `makeNoise`. */
export function isNoise(name: string): boolean {
  return name.startsWith('noise-')
}

async function makeVideo(path: string, args: readonly string[]): Promise<void> {
  const inputs = ['-f', 'lavfi', '-i', PICTURE, '-f', 'lavfi', '-i', TONE]
  const draft = path.replace(/\.(\w+)$/, '.draft.$1')
  await execute('ffmpeg', ['-v', 'error', '-y', ...inputs, ...args, '-shortest', draft])
  await rename(draft, path)
}
