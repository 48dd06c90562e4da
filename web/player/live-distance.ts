/**
 * How near to the end of the playlist hls.js plays a broadcast. Each stop takes it a little further away, since a network
 * that was too slow once will be again; a time without stops brings it back, and the longer, the more stops there were.
 */

import { ErrorDetails, Events, type HlsConfig } from 'hls.js'

/**
 * By parts of half a second: two of them, as near as RFC 8216bis §4.4.3.8 lets a server allow, and a little. By segments: so
 * that glass to glass is three of them, which includes the time in which the newest one is made. hls.js itself would go a
 * second away with each stop.
 */
const BY_PARTS = { liveSyncDuration: 1.1, liveSyncOnStallIncrease: 0.3 }
const BY_SEGMENTS = { liveSyncDurationCount: 2.4, liveSyncOnStallIncrease: 0.5 }
/** After the first stop; twice as long after each further one. */
const CALM_MS = 60_000
const LONGEST_CALM_MS = 15 * 60_000

/** What of hls.js this is about. */
export type Distanced = {
  targetLatency: number | null
  readonly latestLevelDetails: { readonly targetduration: number } | null
  on(event: Events.ERROR, listener: (event: Events.ERROR, data: { details: ErrorDetails }) => void): void
}

/** Where it is at first. */
export function distanceConfig(lowLatency: boolean): Partial<HlsConfig> {
  return lowLatency ? BY_PARTS : BY_SEGMENTS
}

/** Brings it back near the end of its broadcast when it has not stopped for a while; until `signal` is aborted. */
export function returnWhenCalm(hls: Distanced, lowLatency: boolean, signal: AbortSignal): void {
  let calmMs = CALM_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  signal.addEventListener('abort', () => clearTimeout(timer))
  hls.on(Events.ERROR, (_event, { details }) => {
    if (details !== ErrorDetails.BUFFER_STALLED_ERROR || signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      const { targetduration } = hls.latestLevelDetails ?? {}
      // Setting it forgets the stops.
      if (lowLatency) hls.targetLatency = BY_PARTS.liveSyncDuration
      else if (targetduration) hls.targetLatency = BY_SEGMENTS.liveSyncDurationCount * targetduration
    }, calmMs)
    calmMs = Math.min(2 * calmMs, LONGEST_CALM_MS)
  })
}
