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
  /**
   * Segments this far from the end may be left out of an update; at least six target durations (bis §4.4.3.8). null: of all
   * updates none is.
   */
  readonly skipUntilSeconds: number | null
  /** How many segments at the begin are left out, since the client has them (bis §4.4.5.2). */
  readonly skipped: number
  /** The first of the others, as an earlier playlist has told them. */
  readonly written?: SegmentLines
  /** The others after those, complete ones. */
  readonly segments: readonly PlaylistSegment[]
  /** What there is of the segment that is being made: no address of its own yet. */
  readonly open: Omit<PlaylistSegment, 'uri' | 'durationUs'> | null
  /** A request may wait for what is to come (bis §6.2.5.2); with low latency it always may. */
  readonly canBlockReload: boolean
  readonly lowLatency: LowLatency | null
}

/** Lines of segments that follow one another: of segments that are complete they never change, so they may be kept. */
export class SegmentLines {
  #text = ''
  #mapUri: string | undefined
  #isFirst = true

  get text(): string {
    return this.#text
  }

  /** A complete segment. */
  add(segment: PlaylistSegment): void {
    this.begin(segment)
    this.#say(`#EXTINF:${decimal(segment.durationUs / 1e6, 6)},`)
    this.#say(plainLine(segment.uri))
  }

  /** What is told before a segment, and its parts. */
  begin(segment: NonNullable<LivePlaylist['open']>): void {
    if (segment.discontinuity) this.#say('#EXT-X-DISCONTINUITY')
    if (segment.mapUri !== this.#mapUri) this.#say(`#EXT-X-MAP:URI=${quoted(segment.mapUri)}`)
    if (this.#isFirst || segment.discontinuity) {
      this.#say(`#EXT-X-PROGRAM-DATE-TIME:${formatWall(segment.wallUs)}`)
    }
    for (const part of segment.parts) this.#say(`#EXT-X-PART:${formatAttributes(partAttributes(part))}`)
    this.#mapUri = segment.mapUri
    this.#isFirst = false
  }

  /** No lines yet, but those that go on after these. */
  next(): SegmentLines {
    const next = new SegmentLines()
    next.#mapUri = this.#mapUri
    next.#isFirst = this.#isFirst
    return next
  }

  #say(line: string): void {
    this.#text += `${line}\n`
  }
}

/** The playlist, ending with a line feed. */
export function formatLivePlaylist(playlist: LivePlaylist): string {
  const { lowLatency, open, written } = playlist
  const lines = written?.next() ?? new SegmentLines()
  for (const segment of playlist.segments) lines.add(segment)
  if (open !== null) lines.begin(open)
  const end = playlist.ended ? ['#EXT-X-ENDLIST'] : lowLatency === null ? [] : hintLines(lowLatency)
  return `${textOf(headLines(playlist))}${written?.text ?? ''}${lines.text}${textOf(end)}`
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

function headLines(playlist: LivePlaylist): string[] {
  const { lowLatency, skipped, discontinuitySequence } = playlist
  const control = controlOf(playlist)
  return [
    '#EXTM3U',
    `#EXT-X-VERSION:${skipped > 0 ? SKIPPING_VERSION : playlist.version}`,
    `#EXT-X-TARGETDURATION:${playlist.targetDuration}`,
    ...(control === '' ? [] : [`#EXT-X-SERVER-CONTROL:${control}`]),
    ...(lowLatency === null ? [] : [`#EXT-X-PART-INF:PART-TARGET=${lowLatency.partTargetSeconds}`]),
    `#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`,
    ...(discontinuitySequence > 0 ? [`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`] : []),
    ...(playlist.isEvent ? ['#EXT-X-PLAYLIST-TYPE:EVENT'] : []),
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
  ]
}

/** What the server can do (bis §4.4.3.8). */
function controlOf({ lowLatency, canBlockReload, skipUntilSeconds }: LivePlaylist): string {
  return formatAttributes([
    ['CAN-BLOCK-RELOAD', lowLatency !== null || canBlockReload ? 'YES' : undefined],
    ['CAN-SKIP-UNTIL', skipUntilSeconds === null ? undefined : decimal(skipUntilSeconds, 1)],
    ['PART-HOLD-BACK', lowLatency === null ? undefined : String(lowLatency.partHoldBackSeconds)],
  ])
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
