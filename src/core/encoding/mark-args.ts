/**
 * A watermark in the encoder's graph: the image is decoded once per run and scaled for each rung by itself, so that a
 * rung has the same mark whether it is made in the cascade, alone for a waiting viewer, or in another chunk. Pure.
 */

import type { Decoder } from '../../ports.ts'
import type { Mark, VideoRendition } from '../planning/index.ts'
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
  /** Clock of the pictures, as `num/den` seconds a tick. */
  readonly timeBase: string
  /** Whether the pictures are BT.709 or, as small ones that do not say, BT.601. */
  readonly matrix: 'bt709' | 'smpte170m'
}

/** Chains that give the image for each rung as `[w0]`, `[w1]` …, and the filters that put it on the picture before it. */
export function markChains({ mark, renditions, timeBase, matrix }: MarkedRungs): {
  readonly chains: readonly string[]
  readonly overlays: readonly string[]
} {
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
      `settb=${timeBase}`,
      'setpts=-1/TB',
    ]
    return `[m${index}]${filters.join(',')}[w${index}]`
  })
  return {
    chains: [`[1:v:0]split=${boxes.length}${split}`, ...scaled],
    // The one image is repeated for ever, which is overlay's own default.
    overlays: boxes.map(({ x, y }) => `overlay=${x}:${y}`),
  }
}
