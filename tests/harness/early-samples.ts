/** Forty seconds with the index where it lets a video play before its last byte is in. */

import { customSample } from './samples.ts'

const FORTY_SECONDS =
  '-f lavfi -i testsrc2=size=640x360:rate=25:duration=40 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=40 -c:v libx264 -preset ultrafast -bf 2 -g 50 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -b:a 64k'

/** `moov` with every sample before the first picture. */
export function indexFirst(): Promise<string> {
  return customSample('early-first.mp4', `${FORTY_SECONDS} -movflags +faststart`.split(' '))
}

/** A fragment for every group of pictures, 2 s. */
export function inFragments(): Promise<string> {
  const flags = '-movflags +frag_keyframe+empty_moov+default_base_moof'
  return customSample('early-fragments.mp4', `${FORTY_SECONDS} ${flags}`.split(' '))
}
