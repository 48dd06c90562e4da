/** How many pictures a file may have for the time it lasts. Pure. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { PictureTimeline } from './source-facts.ts'

/** The fastest cameras that people have at hand make 960. */
const MOST_IN_A_SECOND = 1_000

/**
 * Throws `too_many_pictures` where more than 1,000 lie within a second: at most 70 of them would be shown, and all be decoded,
 * so that a film of seconds would cost hours. Whole files of them are short, so nothing else would stop it.
 */
export function refuseCrowdedPictures({ sorted, timescale }: PictureTimeline): void {
  let first = 0
  for (let picture = 0; picture < sorted.length; picture += 1) {
    const time = sorted[picture] ?? 0
    while (time - (sorted[first] ?? 0) >= timescale) first += 1
    if (picture - first < MOST_IN_A_SECOND) continue
    const atSeconds = (sorted[first] ?? 0) / timescale
    throw new HeadwaterError(
      'too_many_pictures',
      `The file has more than ${MOST_IN_A_SECOND} pictures in the second from ${atSeconds.toFixed(1)} s on; at most as many can be processed.`,
      { facts: { atSeconds } },
    )
  }
}
