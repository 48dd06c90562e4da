/** Who may keep an answer for how long (playback.md §2). */

import type { Playable } from './find-playable.ts'

/** For manifests: kept only once nothing can be added to them. */
export function manifestCaching(playable: Playable): string {
  if (playable.restricted || playable.early !== null) return 'private, no-store'
  return playable.timeline.complete ? 'public, max-age=30' : 'no-cache'
}

/** For init and media segments: an address never changes its bytes. */
export function segmentCaching(playable: Playable): string {
  // Until it is acknowledged, what was uploaded may be sent again, and differ.
  if (playable.early !== null) return 'private, no-store'
  return playable.restricted
    ? `private, max-age=${privateSeconds(playable, 3_600)}`
    : 'public, max-age=31536000, immutable'
}

/** For files to download: kept, and asked about each time, since one may be deleted and made again. */
export function downloadCaching(playable: Playable): string {
  return playable.restricted ? 'private, no-cache' : 'public, no-cache'
}

/** For thumbnails: a minute, since the default instant and the best rendition may change. */
export function imageCaching(playable: Playable): string {
  return playable.restricted ? `private, max-age=${privateSeconds(playable, 60)}` : 'public, max-age=60'
}

/** For manifests of a broadcast: `seconds` where it changes no more for so long, else one. */
export function liveManifestCaching(live: Pick<Playable, 'restricted'>, seconds = 1): string {
  return live.restricted ? 'private, no-store' : `public, max-age=${seconds}`
}

/** For segments and parts of a broadcast: an address never changes its bytes. */
export function liveSegmentCaching(live: Pick<Playable, 'restricted' | 'secondsLeft'>): string {
  return live.restricted
    ? `private, max-age=${privateSeconds(live, 3_600)}`
    : 'public, max-age=31536000, immutable'
}

/** What a viewer's own cache keeps dies with the token, too. */
function privateSeconds(playable: Pick<Playable, 'secondsLeft'>, most: number): number {
  return Math.floor(Math.min(most, playable.secondsLeft ?? most))
}
