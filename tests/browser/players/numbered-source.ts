/**
 * A source that can be read back from the screen: every frame carries its own number as black and white bars along the
 * top, the inverted number along the bottom (a torn picture shows), and a 1 kHz beep sounds at every whole second.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Bits in a bar; 4,096 frames are enough for any source here. */
export const BAR_BITS = 12

export type NumberedSource = {
  readonly file: string
  readonly seconds: number
  /** As ffmpeg takes it, e.g. `30` or `30000/1001`. */
  readonly rate: string
  readonly size: string
  /** Encoder options after `-c:v libx264`. */
  readonly x264: readonly string[]
  /** Muxer options, e.g. fragmenting. */
  readonly muxer?: readonly string[]
}

/** Makes it with ffmpeg. */
export async function makeNumberedSource(source: NumberedSource): Promise<void> {
  await run('ffmpeg', [
    '-hide_banner',
    '-v',
    'error',
    '-y',
    '-f',
    'lavfi',
    '-i',
    `testsrc2=s=${source.size}:r=${source.rate}:d=${source.seconds}`,
    '-f',
    'lavfi',
    '-i',
    `aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:c=stereo:d=${source.seconds}`,
    '-vf',
    `${barFilters().join(',')},format=yuv420p`,
    '-c:v',
    'libx264',
    ...source.x264,
    '-c:a',
    'aac',
    '-b:a',
    '128k',
    ...(source.muxer ?? ['-movflags', '+faststart']),
    source.file,
  ])
}

/** One white box per set bit (top) and per clear bit (bottom), on black strips. */
export function barFilters(): string[] {
  const filters = [
    'drawbox=x=0:y=0:w=iw:h=ih/8:color=black:t=fill',
    'drawbox=x=0:y=ih*7/8:w=iw:h=ih/8:color=black:t=fill',
  ]
  for (let bit = 0; bit < BAR_BITS; bit += 1) {
    const set = `mod(floor(n/${2 ** bit}),2)`
    const x = `x=iw*${bit}/${BAR_BITS}:w=iw/${BAR_BITS}+1`
    filters.push(`drawbox=${x}:y=0:h=ih/8:color=white:t=fill:enable='${set}'`)
    filters.push(`drawbox=${x}:y=ih*7/8:h=ih/8:color=white:t=fill:enable='1-${set}'`)
  }
  return filters
}
