/** Films whose every picture shows its number and whose every second begins with a beep, and how both are read back. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BAR_BITS, barFilters } from '../browser/players/numbered-source.ts'

const run = promisify(execFile)

/** Arguments as they are typed. */
export const words = (line: string): string[] => line.split(' ')

/** What is filmed, and how it is coded. */
export type NumberedFilm = {
  readonly rate: string
  readonly seconds: number
  /** Encoder of the pictures, and the muxer's options. */
  readonly coding: readonly string[]
  /** Filter that leaves pictures out; their numbers stay. */
  readonly select?: string
  readonly silent?: boolean
  readonly ending?: string
}

/** Quick, and good enough to read the numbers. */
export const X264 = words('-c:v libx264 -preset ultrafast -crf 20 -pix_fmt yuv420p')

/** Every picture shows its number, and every second begins with a beep. */
export async function makeNumbered(folder: string, name: string, source: NumberedFilm): Promise<string> {
  const file = join(folder, `${name}.${source.ending ?? 'mp4'}`)
  await run('ffmpeg', [
    ...words(`-v error -y -f lavfi -i testsrc2=s=192x108:r=${source.rate}:d=${source.seconds}`),
    ...(source.silent
      ? []
      : [
          ...words('-f lavfi -i'),
          `aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:c=stereo:d=${source.seconds}`,
        ]),
    '-vf',
    [...barFilters(), ...(source.select ? [source.select] : [])].join(','),
    ...words('-fps_mode passthrough'),
    ...source.coding,
    ...words('-c:a aac -b:a 96k'),
    file,
  ])
  return file
}

/** The numbers on the pictures of a file, in the order in which they are shown. */
export async function readNumbers(file: string): Promise<number[]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...words(`-v error -i ${file} -map 0:v:0 -vf crop=iw:ih/16:0:ih/32,scale=${BAR_BITS}:1:flags=area`),
      ...words('-fps_mode passthrough -pix_fmt gray -f rawvideo -'),
    ],
    { encoding: 'buffer', maxBuffer: 1e8 },
  )
  const numbers: number[] = []
  for (let first = 0; first < stdout.length; first += BAR_BITS) {
    let number = 0
    for (let bit = 0; bit < BAR_BITS; bit += 1) if ((stdout[first + bit] ?? 0) > 128) number += 2 ** bit
    numbers.push(number)
  }
  return numbers
}

/** When the beeps of a file begin, seconds. */
export async function readBeeps(file: string): Promise<number[]> {
  const { stdout } = await run('ffmpeg', words(`-v error -i ${file} -ac 1 -ar 48000 -f s16le -`), {
    encoding: 'buffer',
    maxBuffer: 1e8,
  })
  const samples = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length >> 1)
  const beeps: number[] = []
  for (let at = 0; at < samples.length; at += 1) {
    if (Math.abs(samples[at] ?? 0) < 4_000) continue
    beeps.push(at / 48_000)
    at += 24_000
  }
  return beeps
}

/** Whether the middle of each picture is red. */
export async function readMiddles(file: string): Promise<boolean[]> {
  const { stdout } = await run(
    'ffmpeg',
    words(
      `-v error -i ${file} -vf crop=8:8:(iw-8)/2:(ih-8)/2,scale=1:1:flags=area -fps_mode passthrough -pix_fmt rgb24 -f rawvideo -`,
    ),
    { encoding: 'buffer', maxBuffer: 1e8 },
  )
  const isRed = (at: number) => (stdout[at] ?? 0) > 200 && (stdout[at + 1] ?? 255) < 60
  return Array.from({ length: stdout.length / 3 }, (_, index) => isRed(index * 3))
}
