/** mpv from Debian as a viewer without a screen: its pictures become files, its sound a WAV file. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Of the heads of its WAV files. */
const WAV_HEAD_BYTES = 44

/** What it played. */
export type Played = {
  /** MD5 of each picture as it was shown, in order. */
  readonly pictures: readonly string[]
  /** The loudest sample of 16 bits. */
  readonly peak: number
}

/** Plays `address` until it has shown `frames` pictures. Throws when mpv fails, with what it said. */
export async function playByMpv(address: string, frames: number): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'mpv-'))
  try {
    const [shown, sound] = [join(folder, 'shown'), join(folder, 'sound.wav')]
    await promisify(execFile)('mpv', [
      '--no-config',
      '--no-input-terminal',
      '--msg-level=all=warn',
      // Every picture as it was decoded, however busy the machine is.
      '--framedrop=no',
      '--vo=image',
      // Not compressed: it is to be quick.
      '--vo-image-format=png',
      '--vo-image-png-compression=0',
      `--vo-image-outdir=${shown}`,
      '--ao=pcm',
      '--audio-format=s16',
      `--ao-pcm-file=${sound}`,
      `--frames=${frames}`,
      address,
    ])
    const files = (await readdir(shown)).toSorted()
    const pictures = files.map(async (file) =>
      createHash('md5')
        .update(await readFile(join(shown, file)))
        .digest('hex'),
    )
    const wav = await readFile(sound)
    let peak = 0
    for (let at = WAV_HEAD_BYTES; at + 2 <= wav.byteLength; at += 2) {
      peak = Math.max(peak, Math.abs(wav.readInt16LE(at)))
    }
    return { pictures: await Promise.all(pictures), peak }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
