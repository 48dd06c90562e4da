/** Animated thumbnails: one decode of the segments they lie in, written as a GIF while it goes on. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Blobs, Decoder } from '../../ports.ts'
import { type Body, streamBody } from '../playback/index.ts'
import type { AnimationQuery } from './animation-request.ts'
import type { Fit, PictureShape } from './picture-request.ts'
import { readExactly } from './still.ts'

/**
 * Decodes and writes it. `body`: an init segment and segments without a gap; `number`: place of the first picture among
 * theirs. Throws `decoder_failed`.
 */
export async function makeAnimation(
  deps: { readonly blobs: Pick<Blobs, 'open'>; readonly decoder: Decoder },
  animation: {
    readonly label: string
    readonly body: Body
    readonly number: number
    readonly query: AnimationQuery
    readonly shape: PictureShape
    readonly signal: AbortSignal
  },
): Promise<Uint8Array> {
  const { label, body, number, query, shape, signal } = animation
  const run = await deps.decoder.run(
    {
      label,
      input: { from: 'pipe', bytes: streamBody(deps.blobs, body) },
      args: buildAnimationArgs(number, query, shape),
      outputs: [GIF_FILE],
      limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: MOST_GIF_BYTES, memoryBytes: 2 * 1024 ** 3 },
      // Somebody looks at an empty frame.
      nice: 0,
    },
    { signal },
  )
  try {
    const file = run.files.get(GIF_FILE)
    if (file === undefined || file.sizeBytes > MOST_GIF_BYTES) {
      throw new HeadwaterError('decoder_failed', `The decoder made no usable animation for ${label}.`)
    }
    return await readExactly(file)
  } finally {
    await run.release()
  }
}

/** Arguments that turn piped segments into a GIF that loops for ever. */
export function buildAnimationArgs(
  number: number,
  { durationSeconds, rate }: AnimationQuery,
  shape: PictureShape,
): readonly string[] {
  const filters = [
    `trim=start_frame=${number}`,
    'setpts=PTS-STARTPTS',
    // Of the pictures since the one before, the last: what is on the screen at that instant.
    `fps=${rate}:round=up`,
    `trim=duration=${durationSeconds}`,
    ...FITS[shape.fit](shape.width, shape.height),
    'setsar=1',
    // A palette for each picture: one for all would have to wait for the last with every other in memory.
    'split[shown][sampled]',
  ].join(',')
  const palette = '[sampled]palettegen=stats_mode=single[palette]'
  const dither = 'dither=bayer:bayer_scale=4'
  return [
    // The segments are CMAF, whatever their bytes try to look like.
    '-f',
    'mov',
    '-i',
    '{input}',
    '-filter_complex',
    `[0:v:0]${filters};${palette};[shown][palette]paletteuse=new=1:${dither}[gif]`,
    '-map',
    '[gif]',
    '-loop',
    '0',
    '-f',
    'gif',
    GIF_FILE,
  ]
}

/** `clip` has its exact size computed before. */
const FITS: Readonly<Record<Fit, (width: number, height: number) => readonly string[]>> = {
  crop: (width, height) => [
    `scale=${width}:${height}:force_original_aspect_ratio=increase`,
    `crop=${width}:${height}`,
  ],
  clip: (width, height) => [`scale=${width}:${height}`],
  scale: (width, height) => [`scale=${width}:${height}`],
  fill: (width, height) => [
    `scale=${width}:${height}:force_original_aspect_ratio=decrease`,
    `pad=${width}:${height}:-1:-1`,
  ],
}
const GIF_FILE = 'animation.gif'
const MOST_GIF_BYTES = 256 * 1024 * 1024
