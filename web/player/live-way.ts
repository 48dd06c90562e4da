/** By which way a broadcast is played here; pure. */

import type { PageLive } from '../../src/http/page-status.ts'
import type { PlayerOptions } from './options.ts'

export type LiveWay = {
  readonly kind: 'hls' | 'webrtc'
  /** Relative to the page. */
  readonly address: string
  /** By parts of segments: the player may stay nearer to what is sent now. */
  readonly lowLatency: boolean
}

/**
 * The best way: real time for what is published in real time, or where there is nothing else, or when it is asked for;
 * else HLS, with low latency where the owner prefers it. Null where there is none. `canRealTime`: whether this browser
 * can, and it has not failed from here already.
 */
export function chooseWay(
  live: PageLive,
  { protocol, dvrEnabled }: Pick<PlayerOptions, 'protocol' | 'dvrEnabled'>,
  canRealTime: boolean,
): LiveWay | null {
  // Nobody can go back in time in real time.
  const wanted = protocol === 'webrtc' || (protocol === null && live.realTime && !dvrEnabled)
  // Its address takes an input, not one of its videos (live.md §9).
  if (live.isInput && canRealTime && (wanted || !live.hls)) {
    return { kind: 'webrtc', address: 'webRTC/play', lowLatency: true }
  }
  if (!live.hls) return null
  const query = new URLSearchParams()
  const lowLatency = live.lowLatency && protocol !== 'hls'
  if (lowLatency) query.set('protocol', 'llhls')
  if (dvrEnabled) query.set('dvrEnabled', 'true')
  return { kind: 'hls', address: `manifest/video.m3u8${query.size > 0 ? `?${query}` : ''}`, lowLatency }
}
