/** What of a feed can be agreed on with a viewer, before there is a connection. */

import { HeadwaterError } from '../../lib/failure.ts'
import { readAvcConfig } from '../../media/codecs/avc.ts'
import { type AccessUnit, LIVE_TIMESCALE, type LiveFormat, type VideoFormat } from '../../media/live/units.ts'
import type { Feed } from '../../live-ports.ts'

/** A publisher that has only just come tells its formats within this, or has none of that kind. */
const WAIT_MS = 2_000

/**
 * The formats of a feed, pictures first. Throws `live_not_started` where there is none yet, and `live_not_playable` for
 * pictures that are not sent in the order in which they are shown: browsers' receivers know no such order.
 */
export async function findFormats(feed: Feed): Promise<LiveFormat[]> {
  const past: AccessUnit[] = []
  await new Promise<void>((resolve) => {
    let leave: (() => void) | undefined
    let isDone = false
    const done = (): void => {
      isDone = true
      clearTimeout(timer)
      leave?.()
      resolve()
    }
    const timer = setTimeout(done, WAIT_MS)
    const look = (): void => {
      const hasAll = feed.video !== null && feed.audio !== null && isOrderKnown(feed.video, past)
      if (!isDone && (hasAll || isLongEnough(past))) done()
    }
    leave = feed.listen({
      format: () => undefined,
      // Not before all of the past has been told, of which the order follows.
      unit: (unit) => {
        if (!isDone) past.push(unit)
        if (leave !== undefined) look()
      },
      end: done,
    })
    // It ended before it answered.
    if (isDone) leave()
    else look()
  })
  if (isReordered(past)) {
    throw new HeadwaterError(
      'live_not_playable',
      'The publisher sends B-frames, which WebRTC cannot play: watch by HLS or DASH, or publish without them (OBS: Profile baseline or "bf=0").',
    )
  }
  const formats = [feed.video, feed.audio].filter((format) => format !== null)
  if (formats.length === 0) {
    throw new HeadwaterError('live_not_started', 'A publisher is connected, but has sent nothing yet.')
  }
  return formats
}

/** So many pictures in a row show whether they are reordered; encoders send at most three between two others. */
const TELLING_PICTURES = 12
const BASELINE = 66

/** Whether what came tells the order of the pictures; that of some is known by their configuration. */
function isOrderKnown(video: VideoFormat, past: readonly AccessUnit[]): boolean {
  if (video.codec !== 'avc') return true
  const { profile, reorderFrames } = readAvcConfig(video.config)
  if (profile === BASELINE || reorderFrames === 0) return true
  return isReordered(past) || past.filter(({ kind }) => kind === 'video').length >= TELLING_PICTURES
}

/** Whether a kind that has not come by now is not published at all. */
function isLongEnough(units: readonly AccessUnit[]): boolean {
  const [first, last] = [units[0], units.at(-1)]
  return first !== undefined && last !== undefined && last.dts - first.dts > LIVE_TIMESCALE
}

/** Whether a picture is shown before one that was sent before it. */
function isReordered(units: readonly AccessUnit[]): boolean {
  const pictures = units.filter(({ kind }) => kind === 'video')
  return pictures.some((unit, index) => unit.pts < (pictures[index - 1]?.pts ?? Number.NEGATIVE_INFINITY))
}
