/**
 * Media playlists of a broadcast (RFC 8216, and its second edition draft-pantos-hls-rfc8216bis for low latency) from plain
 * values: the same values always give the same bytes.
 */

import { type Attribute, decimal, formatAttributes, plainLine, quoted } from './attributes.ts'

/** A part of a segment (bis §4.4.4.9). */
export type PlaylistPart = {
  readonly uri: string
  readonly durationUs: number
  /** Whether it begins with a picture that needs no other. */
  readonly independent: boolean
}

export type PlaylistSegment = {
  readonly uri: string
  readonly durationUs: number
  /** Of its init segment: written where it changes. */
  readonly mapUri: string
  /** It does not follow the one before. */
  readonly discontinuity: boolean
  /** Wall clock at its begin, microseconds since 1970 UTC: written with the first segment and after discontinuities. */
  readonly wallUs: number
  /** Listed before the segment; empty where it is too far from the end. */
  readonly parts: readonly PlaylistPart[]
}

/** What makes a playlist one of low latency. */
export type LowLatency = {
  /** No part is longer. */
  readonly partTargetSeconds: number
  /** How far from the end players should stay. */
  readonly partHoldBackSeconds: number
  /** Segments this far from the end may be left out of an update; at least six target durations (bis §4.4.3.8). */
  readonly skipUntilSeconds: number
  /** The part that comes next; null where none does. */
  readonly preloadHint: string | null
  /** What the other renditions have, as this one is read. */
  readonly reports: readonly {
    readonly uri: string
    readonly lastSegment: number
    readonly lastPart: number | null
  }[]
}

export type LivePlaylist = {
  /** 6; 8 where the whole broadcast is listed (playback.md §2). An update that leaves segments out is of version 9. */
  readonly version: 6 | 8
  readonly targetDuration: number
  /** Number of the first segment, those left out included. */
  readonly mediaSequence: number
  /** Discontinuities that have left the playlist. */
  readonly discontinuitySequence: number
  /** Segments are only added: none is ever taken from its begin. */
  readonly isEvent: boolean
  readonly ended: boolean
  /** How many segments at the begin are left out, since the client has them (bis §4.4.5.2). */
  readonly skipped: number
  /** The others, complete ones. */
  readonly segments: readonly PlaylistSegment[]
  /** What there is of the segment that is being made: no address of its own yet. */
  readonly open: Omit<PlaylistSegment, 'uri' | 'durationUs'> | null
  /** A request may wait for what is to come (bis §6.2.5.2); with low latency it always may. */
  readonly canBlockReload: boolean
  readonly lowLatency: LowLatency | null
}

/** The playlist, ending with a line feed. */
export function formatLivePlaylist(playlist: LivePlaylist): string {
  const { lowLatency, skipped } = playlist
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${skipped > 0 ? SKIPPING_VERSION : playlist.version}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDuration}`,
  ]
  if (lowLatency !== null) lines.push(...lowLatencyLines(lowLatency))
  else if (playlist.canBlockReload) lines.push('#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES')
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`)
  if (playlist.discontinuitySequence > 0) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`)
  }
  if (playlist.isEvent) lines.push('#EXT-X-PLAYLIST-TYPE:EVENT')
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`)
  let mapUri: string | undefined
  let first = true
  const begin = (segment: NonNullable<LivePlaylist['open']>): void => {
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.mapUri !== mapUri) lines.push(`#EXT-X-MAP:URI=${quoted(segment.mapUri)}`)
    mapUri = segment.mapUri
    if (first || segment.discontinuity) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${formatWall(segment.wallUs)}`)
    first = false
    for (const part of segment.parts) lines.push(`#EXT-X-PART:${formatAttributes(partAttributes(part))}`)
  }
  for (const segment of playlist.segments) {
    begin(segment)
    lines.push(`#EXTINF:${decimal(segment.durationUs / 1e6, 6)},`, plainLine(segment.uri))
  }
  if (playlist.open !== null) begin(playlist.open)
  if (playlist.ended) lines.push('#EXT-X-ENDLIST')
  else if (lowLatency !== null) lines.push(...hintLines(lowLatency))
  return `${lines.join('\n')}\n`
}

function lowLatencyLines(lowLatency: LowLatency): string[] {
  const control: readonly Attribute[] = [
    ['CAN-BLOCK-RELOAD', 'YES'],
    ['CAN-SKIP-UNTIL', decimal(lowLatency.skipUntilSeconds, 1)],
    ['PART-HOLD-BACK', String(lowLatency.partHoldBackSeconds)],
  ]
  return [
    `#EXT-X-SERVER-CONTROL:${formatAttributes(control)}`,
    `#EXT-X-PART-INF:PART-TARGET=${lowLatency.partTargetSeconds}`,
  ]
}

function hintLines({ preloadHint, reports }: LowLatency): string[] {
  const hint = preloadHint === null ? [] : [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI=${quoted(preloadHint)}`]
  return [
    ...hint,
    ...reports.map(({ uri, lastSegment, lastPart }) => {
      const attributes: readonly Attribute[] = [
        ['URI', quoted(uri)],
        ['LAST-MSN', String(lastSegment)],
        ['LAST-PART', lastPart === null ? undefined : String(lastPart)],
      ]
      return `#EXT-X-RENDITION-REPORT:${formatAttributes(attributes)}`
    }),
  ]
}

function partAttributes({ uri, durationUs, independent }: PlaylistPart): readonly Attribute[] {
  return [
    ['DURATION', decimal(durationUs / 1e6, 6)],
    ['URI', quoted(uri)],
    ['INDEPENDENT', independent ? 'YES' : undefined],
  ]
}

/** ISO 8601 with milliseconds (RFC 8216 §4.3.2.6). */
function formatWall(us: number): string {
  return new Date(Math.floor(us / 1_000)).toISOString()
}

const SKIPPING_VERSION = 9
