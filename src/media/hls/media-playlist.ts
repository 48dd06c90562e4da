/** Media playlist text (RFC 8216 §4.3.3) from plain values: the same values always give the same bytes. */

import { scaleTicks } from '../../lib/ticks.ts'
import { plainLine, quoted } from './attributes.ts'

export type MediaPlaylist = {
  /** Ticks per second of `starts`. */
  readonly timescale: number
  /**
   * Decode time of each segment's first sample, and the end: one entry more than there are segments. They start at 0
   * (rules 3 and 8), so that the sum of the durations before a segment is its `tfdt`.
   */
  readonly starts: readonly number[]
  /** Segments will be added at the end: an `EVENT` without its end. */
  readonly growing?: boolean
  /** Absent for text, which has no init segment. */
  readonly initUri?: string
  readonly segmentUri: (segment: number) => string
}

/** The playlist of a track (rule 18), ending with a line feed. */
export function formatMediaPlaylist(playlist: MediaPlaylist): string {
  const durations = segmentDurationsUs(playlist.starts, playlist.timescale)
  const growing = playlist.growing === true
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.max(targetDurationSeconds(durations), growing ? GROWING_TARGET_SECONDS : 0)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    `#EXT-X-PLAYLIST-TYPE:${growing ? 'EVENT' : 'VOD'}`,
    ...(playlist.initUri === undefined ? [] : [`#EXT-X-MAP:URI=${quoted(playlist.initUri)}`]),
  ]
  for (const [segment, us] of durations.entries()) {
    lines.push(`#EXTINF:${formatMicroseconds(us)},`, plainLine(playlist.segmentUri(segment)))
  }
  if (!growing) lines.push('#EXT-X-ENDLIST')
  return `${lines.join('\n')}\n`
}

/**
 * Durations in whole microseconds as differences of rounded running sums (rule 18): the sum of any number of them is
 * within half a microsecond of the truth, where rounding each by itself would drift.
 */
export function segmentDurationsUs(starts: readonly number[], timescale: number): number[] {
  const durations: number[] = []
  let previousUs = scaleTicks(starts[0] ?? 0, MICROSECONDS, timescale)
  for (const start of starts.slice(1)) {
    const us = scaleTicks(start, MICROSECONDS, timescale)
    durations.push(us - previousUs)
    previousUs = us
  }
  return durations
}

/** The longest segment, rounded to the nearest second (RFC 8216 §4.3.3.1), and at least 1. */
function targetDurationSeconds(durationsUs: readonly number[]): number {
  const longest = durationsUs.reduce((most, us) => Math.max(most, us), 0)
  return Math.max(1, Math.round(longest / MICROSECONDS))
}

/** Seconds with six decimals, from whole microseconds, without a floating-point detour. */
function formatMicroseconds(us: number): string {
  const fraction = String(us % MICROSECONDS).padStart(6, '0')
  return `${Math.floor(us / MICROSECONDS)}.${fraction}`
}

const MICROSECONDS = 1_000_000
/** It must not change while segments are added (RFC 8216 §6.2.1): long enough for cuts every four seconds or so. */
const GROWING_TARGET_SECONDS = 6
