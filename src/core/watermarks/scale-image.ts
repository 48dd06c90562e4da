/** Scaling an image that has transparent parts, as ffmpeg's filters. Pure. */

/** ffmpeg's demuxer of PNG images; it reads nothing else. */
export const IMAGE_DEMUXER = 'png_pipe'

/**
 * Filters that scale to exactly this size. Colours count as much as they are opaque: else the invisible ones of clear
 * pixels would bleed into the edges.
 */
export function buildScaleImage(width: number, height: number): string {
  return [
    'format=gbrap',
    'premultiply=inplace=1',
    `scale=${width}:${height}:flags=bicubic+accurate_rnd`,
    'unpremultiply=inplace=1',
  ].join(',')
}
