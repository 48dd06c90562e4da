/** One picture of a film, decoded from what `slicePicture` leaves of it and from the whole film: the same to the last bit. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { slicePicture } from '../../src/media/cmaf/slice-picture.ts'
import { customSample } from '../harness/samples.ts'
import { bytesSource } from '../media-samples.ts'

const FRAMES = 50
/** Of every film these pictures are compared. */
const LOOKED_AT = [0, 1, 2, 13, 23, 24, 25, 40, 49]

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2']
const MADE_OF = [...PICTURES, '-c:v', 'libx264', '-preset', 'medium', '-pix_fmt', 'yuv420p']

/** x264's parameters, and whether much of such a film is left out. */
const FILMS: readonly (readonly [name: string, params: string, isShorter: boolean])[] = [
  [
    'one GOP, pictures that others are predicted from on two levels',
    'keyint=250:bframes=3:b-pyramid=2',
    true,
  ],
  ['short GOPs', 'keyint=12:min-keyint=12:scenecut=0:bframes=2:b-adapt=0', true],
  ['open GOPs', 'keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:open-gop=1', true],
  ['parameter sets in every key picture', 'keyint=12:scenecut=0:repeat-headers=1:bframes=2', true],
  ['no reordering', 'keyint=250:bframes=0', false],
  ['intra refresh', 'keyint=20:intra-refresh=1:bframes=2', true],
  ['weights, many references and slices', 'keyint=250:ref=8:weightp=2:bframes=5:slices=4:b-pyramid=1', true],
]

describe.each(FILMS)('%s', (name, params, isShorter) => {
  test('every picture is the one of the whole film', async () => {
    const path = `slice-picture-${name.replaceAll(/\W+/g, '-')}.mp4`
    const file = await customSample(path, [...MADE_OF, '-x264-params', params, '-movflags', '+faststart'])
    const film = await readFile(file)
    const track = (await readMovie(bytesSource(film))).tracks.find(({ kind }) => kind === 'video')
    if (track === undefined) throw new Error('The film has no picture.')
    const whole = await digests(film, [])
    expect(whole).toHaveLength(FRAMES)
    let keptBytes = 0
    for (const number of LOOKED_AT) {
      const slice = slicePicture(film, track, number)
      if (slice === undefined) throw new Error(`Picture ${number} was not sliced.`)
      keptBytes += slice.bytes.byteLength
      const select = ['-vf', String.raw`select=eq(n\,${slice.number})`, '-frames:v', '1']
      expect(await digests(slice.bytes, select), `picture ${number}`).toEqual([whole[number]])
    }
    if (isShorter) expect(keptBytes / LOOKED_AT.length).toBeLessThan(0.75 * film.byteLength)
    expect(slicePicture(film, track, FRAMES)).toBeUndefined()
  })
})

/** A digest of every picture that ffmpeg decodes, in the order shown. */
async function digests(film: Uint8Array, args: readonly string[]): Promise<string[]> {
  const options = ['-v', 'error', '-f', 'mov', '-threads', '2', '-i', 'pipe:0', '-map', '0:v', ...args]
  const output = ['-fps_mode', 'passthrough', '-f', 'framemd5', 'pipe:1']
  const child = spawn('ffmpeg', [...options, ...output], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  // It has enough before it has read all.
  child.stdin.on('error', () => {})
  child.stdin.end(film)
  const told = await text(child.stdout)
  await ended
  const lines = told.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '')
}
