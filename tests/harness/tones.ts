/** Films and sounds whose tone tells them apart, and an ear for it. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { customSample } from './samples.ts'

const run = promisify(execFile)
const words = (text: string): readonly string[] => text.split(' ')

/** How long the films of this file last. */
export const FILM_SECONDS = 9

const PICTURE = words(`-f lavfi -i testsrc2=size=160x90:rate=25:duration=${FILM_SECONDS}`)
const X264 = words('-c:v libx264 -preset veryfast -crf 40 -pix_fmt yuv420p -g 50')
const sine = (hertz: number, seconds: number, channels: number) =>
  words(`-f lavfi -i sine=frequency=${hertz}:sample_rate=44100:duration=${seconds} -ac ${channels}`)

/** A film with a tone of 440 Hz; it is passed through. */
export function toneFilm(): Promise<string> {
  return customSample('film-440-small.mp4', [
    ...PICTURE,
    ...sine(440, FILM_SECONDS, 2),
    ...X264,
    ...words('-c:a aac -b:a 96k -movflags +faststart'),
  ])
}

/** The same without sound. */
export function silentFilm(): Promise<string> {
  return customSample('film-silent-small.mp4', [...PICTURE, ...X264, ...words('-movflags +faststart')])
}

/** A film with the same tone that browsers do not play, so that all of it is encoded. */
export function encodedFilm(): Promise<string> {
  return customSample('film-mpeg4.mp4', [
    ...PICTURE,
    ...sine(440, FILM_SECONDS, 2),
    ...words('-c:v mpeg4 -b:v 200k -c:a aac'),
  ])
}

/** MP3 in stereo, shorter than the films. */
export function shortTone(): Promise<string> {
  return customSample('tone-880.mp3', [...sine(880, 3, 2), ...words('-c:a libmp3lame -b:a 64k')])
}

/** WAV in mono, longer than the films. */
export function longTone(): Promise<string> {
  return customSample('tone-1320.wav', sine(1320, 12, 1))
}

/** Of `pitches`: this long. */
const WINDOW_SECONDS = 0.5
const RATE = 8_000
/** Half a second tells 2 Hz apart; where sound begins and ends it is less sure. */
const STEP_HERTZ = 40

/** The tone of each half second of an input's sound, in hertz to the nearest 40; 0 is silence. */
export async function pitches(input: string, options: readonly string[] = []): Promise<number[]> {
  const { stdout } = await run(
    'ffmpeg',
    [...words('-v error'), ...options, '-i', input, ...words(`-map 0:a:0 -ac 1 -ar ${RATE} -f s16le pipe:1`)],
    { encoding: 'buffer', maxBuffer: 16 * 1024 * 1024 },
  )
  const samples = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.byteLength / 2)
  const window = RATE * WINDOW_SECONDS
  return Array.from({ length: Math.round(samples.length / window) }, (_, index) =>
    pitchOf(samples.subarray(index * window, (index + 1) * window)),
  )
}

/** By its ways through zero. */
function pitchOf(samples: Int16Array): number {
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  if (loudest < 300) return 0
  let crossings = 0
  for (let at = 1; at < samples.length; at += 1) {
    if ((samples[at - 1] ?? 0) < 0 !== (samples[at] ?? 0) < 0) crossings += 1
  }
  return Math.round((crossings * RATE) / samples.length / 2 / STEP_HERTZ) * STEP_HERTZ
}

/** What `pitches` answers of so many seconds of a tone. */
export function tone(hertz: number, seconds: number): number[] {
  return Array<number>(seconds * 2).fill(hertz)
}
