/**
 * A watermark in the encoder's graph: the image is decoded once per run and scaled for each rung by itself, so that a
 * rung has the same mark whether it is made in the cascade, alone for a waiting viewer, or in another chunk. Pure.
 */

import type { Decoder } from '../../ports.ts'
import type { Mark, Rational, VideoRendition } from '../planning/index.ts'
import { buildScaleImage, IMAGE_DEMUXER } from '../watermarks/index.ts'
import { placeMark } from './place-mark.ts'

type Task = Parameters<Decoder['run']>[0]

/** The further input of a run; none without a mark. */
export function markFiles(mark: Mark | undefined): Pick<Task, 'files'> {
  return mark === undefined ? {} : { files: { mark: mark.imageBlob } }
}

/** Input 1. */
export function markInputArgs(mark: Mark | undefined): readonly string[] {
  return mark === undefined ? [] : ['-f', IMAGE_DEMUXER, '-i', '{mark}']
}

export type MarkedRungs = {
  readonly mark: Mark
  readonly renditions: readonly VideoRendition[]
  /** Clock of the pictures, seconds a tick. */
  readonly tick: Rational
  /** Whether the pictures are BT.709 or, as small ones that do not say, BT.601. */
  readonly matrix: 'bt709' | 'smpte170m'
}

/** What a mark adds to the graph. */
export type MarkChains = {
  /** They give the image for each rung as `[w0]`, `[w1]` … */
  readonly chains: readonly string[]
  /** Filters of all pictures before they are divided among the rungs. */
  readonly before: readonly string[]
  /** Of each rung: puts the image on its picture. */
  readonly overlays: readonly string[]
}

/** The parts of the graph. */
export function markChains({ mark, renditions, tick, matrix }: MarkedRungs): MarkChains {
  const clock = coarserClock(tick)
  const { before, after } = keepTimes(tick, clock)
  const boxes = renditions.map((rendition) => placeMark(mark, rendition))
  const split = boxes.map((_, index) => `[m${index}]`).join('')
  const scaled = boxes.map(({ width, height }, index) => {
    const filters = [
      buildScaleImage(width, height),
      ...(mark.opacity === 1 ? [] : [`colorchannelmixer=aa=${mark.opacity}`]),
      // In the colours of the picture; the scaler takes BT.601 for whatever is not said.
      `scale=out_color_matrix=${matrix}:out_range=tv`,
      'format=yuva420p',
      // The same clock, so that the pictures' times stay as they are; before every picture, for it is shown with all.
      `settb=${clock.num}/${clock.den}`,
      'setpts=-1/TB',
    ]
    return `[m${index}]${filters.join(',')}[w${index}]`
  })
  return {
    chains: [`[1:v:0]split=${boxes.length}${split}`, ...scaled],
    before,
    // The one image is repeated for ever, which is overlay's own default.
    overlays: boxes.map(({ x, y }) => [`overlay=${x}:${y}`, ...after].join(',')),
  }
}

/** ffmpeg's filters of two inputs go over to microseconds where a second has this many ticks (libavfilter/framesync.c). */
const MOST_TICKS = 500_000

/** The same clock, or one whose ticks are whole ones of it and few enough. */
function coarserClock(tick: Rational): Rational {
  if (tick.num !== 1) return tick
  for (let times = 1; times <= MOST_FACTOR; times += 1) {
    if (tick.den % times === 0 && tick.den / times < MOST_TICKS) return { num: 1, den: tick.den / times }
  }
  return tick
}

/** 10 MHz, which Smooth Streaming counts in, takes 25. */
const MOST_FACTOR = 1_000

/** Filters that carry the pictures' ticks through a coarser clock as they are, and give them their own clock back. */
function keepTimes(tick: Rational, clock: Rational): { before: readonly string[]; after: readonly string[] } {
  if (clock.den === tick.den) return { before: [], after: [] }
  const times = tick.den / clock.den
  return {
    before: [`setpts=PTS*${times}`, `settb=1/${clock.den}`],
    after: [`settb=1/${tick.den}`, `setpts=PTS/${times}`],
  }
}
