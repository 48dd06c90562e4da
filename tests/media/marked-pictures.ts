/** Decoded pictures with a red mark on grey: where it is found, and how much it may differ. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'

const execute = promisify(execFile)

/** Chroma has half as many pixels as luma, and the place is rounded to those. */
export const EDGE = 2
/** What the encoder may change of a flat colour, of 255. */
export const COLOUR = 14

/** A decoded picture, three bytes a pixel. */
export type Picture = { readonly width: number; readonly height: number; readonly rgb: Buffer }

/** The pictures of a file as somebody sees them. */
export async function picturesOf(path: string): Promise<Picture[]> {
  const { stdout: size } = await execute('ffprobe', [
    ...'-v error -select_streams v:0 -show_entries stream=width,height -of csv=p=0'.split(' '),
    path,
  ])
  const [width = 0, height = 0] = size.split(',').map(Number)
  const { stdout } = await execute(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      path,
      ...'-map 0:v:0 -fps_mode passthrough -pix_fmt rgb24 -f rawvideo -'.split(' '),
    ],
    { encoding: 'buffer', maxBuffer: 1e9 },
  )
  const bytes = width * height * 3
  return Array.from({ length: stdout.length / bytes }, (_, index) => ({
    width,
    height,
    rgb: stdout.subarray(index * bytes, (index + 1) * bytes),
  }))
}

/** The first of them. */
export async function firstPicture(path: string): Promise<Picture> {
  const [picture] = await picturesOf(path)
  if (picture === undefined) throw new Error(`no picture in ${path}`)
  return picture
}

/** Red, green and blue of one pixel. */
export const pixel = ({ width, rgb }: Picture, x: number, y: number) => [
  ...rgb.subarray((y * width + x) * 3).subarray(0, 3),
]

/** The box of all pixels that are more red than grey: left, top, and the ends. */
export function redBox(
  { width, height, rgb }: Picture,
  least = 64,
): readonly [number, number, number, number] {
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let at = 0; at < rgb.length; at += 3) {
    if ((rgb[at] ?? 0) - (rgb[at + 1] ?? 0) < least) continue
    const x = (at / 3) % width
    const y = (at / 3 - x) / width
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x + 1)
    bottom = Math.max(bottom, y + 1)
  }
  return [left, top, right, bottom]
}

/** Fails, saying both, when an edge lies farther away. */
export function expectBox(found: readonly number[], expected: readonly number[], tolerance = EDGE): void {
  const off = Math.max(...found.map((edge, index) => Math.abs(edge - (expected[index] ?? Number.NaN))))
  expect(off, `found ${found.join(', ')}; expected ${expected.join(', ')}`).toBeLessThanOrEqual(tolerance)
}

/** Fails, saying both, when a channel differs by more than an encoder may change. */
export function expectColour(found: readonly number[], expected: readonly number[]): void {
  const off = Math.max(...found.map((value, index) => Math.abs(value - (expected[index] ?? Number.NaN))))
  expect(off, `found ${found.join(', ')}; expected ${expected.join(', ')}`).toBeLessThanOrEqual(COLOUR)
}

/** Where to look at a mark's colour. */
export const middle = ([left, top, right, bottom]: readonly [number, number, number, number]) =>
  [Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)] as const

/** When each picture is shown, in the file's own ticks from the first. */
export async function packetTimes(path: string): Promise<number[]> {
  const { stdout } = await execute('ffprobe', [
    ...'-v error -select_streams v:0 -show_entries packet=pts -of csv=p=0'.split(' '),
    path,
  ])
  const times = stdout
    .split(/[\n,]+/)
    .filter((text) => text !== '')
    .map(Number)
    .toSorted((one, other) => one - other)
  return times.map((time) => time - (times[0] ?? 0))
}
