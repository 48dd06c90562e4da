/** Argument list of the lower rungs of a broadcast: one decode, a cascade of scalers, every rung to a pipe. Pure. */

import type { VideoFormat } from '../../media/live/units.ts'
import { planLadder, type Rational, type Rung } from '../planning/index.ts'
import { encoderArgs, liveInputArgs, liveOutputArgs } from './conversion-args.ts'

/** Live rungs (spec/media.md §1), by their shorter side. */
const RUNGS: readonly string[] = ['360p', '480p', '720p']
/** What decoding a pixel costs of what encoding one costs, quickest presets on both sides. */
const DECODING_SHARE = 0.3

/** The rungs below a source, ascending. `rate`: its pictures a second. */
export function planLiveRungs({ width, height }: VideoFormat, rate: Rational): readonly Rung[] {
  const shorter = Math.min(width, height)
  return planLadder({ width, height, rate }).filter(
    (rung) => RUNGS.includes(rung.name) && Math.min(rung.width, rung.height) < shorter,
  )
}

/**
 * How many of the rungs, from the lowest on, a machine can make that made all of them `speed` times as fast as they are
 * shown, if it is to be `wanted` times as fast. Pixels tell the cost.
 */
export function affordableRungs(
  source: VideoFormat,
  rungs: readonly Rung[],
  { speed, wanted }: { speed: number; wanted: number },
): number {
  const cost = (count: number): number =>
    rungs
      .slice(0, count)
      .reduce((sum, rung) => sum + rung.width * rung.height, DECODING_SHARE * source.width * source.height)
  for (let count = rungs.length; count > 0; count -= 1) {
    if ((speed * cost(rungs.length)) / cost(count) >= wanted) return count
  }
  return 0
}

/** Everything but the common guards; outputs are the names of the rungs. */
export function buildLadderArgs(rungs: readonly Rung[]): string[] {
  const descending = rungs.toReversed()
  const chains = descending.map((rung, index) => {
    const from = index === 0 ? '[0:v:0]' : `[down${index - 1}]`
    const scaled = `${from}scale=${rung.width}:${rung.height}:flags=bilinear,setsar=1,format=yuv420p`
    const isLast = index === descending.length - 1
    return isLast ? `${scaled}[${rung.name}]` : `${scaled},split=2[${rung.name}][down${index}]`
  })
  return [
    // Pictures are decoded two at a time; more would only wait longer.
    '-threads:v',
    '2',
    ...liveInputArgs(),
    '-filter_complex',
    chains.join(';'),
    ...descending.flatMap((rung) => [
      '-map',
      `[${rung.name}]`,
      ...encoderArgs(rung),
      '-threads:v',
      '2',
      // Where the source has its own: players change between rungs at the same pictures.
      '-force_key_frames',
      'source',
      ...liveOutputArgs(),
      `{${rung.name}}`,
    ]),
  ]
}
