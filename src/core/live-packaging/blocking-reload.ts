/** Requests for a playlist that is to come (draft-pantos-hls-rfc8216bis §6.2.5.2). */

import { HeadwaterError } from '../../lib/failure.ts'
import { PART_SECONDS } from '../../media/live/fragment.ts'
import type { LivePackage } from './live-package.ts'
import type { Rendition } from './rendition.ts'
import { waitUntil, type WaitOptions } from './wait-until.ts'

/** What the delivery directives of a request say. */
export type Reload = {
  /** Number of the segment that the playlist must have; null = as it is. */
  readonly segment: number | null
  /** And this part of it. */
  readonly part: number | null
  /** The client has what lies further from the end than the playlist's skip boundary. */
  readonly skip: boolean
}

/** Reads `_HLS_msn`, `_HLS_part` and `_HLS_skip`. Throws `bad_request`. */
export function parseReload(query: URLSearchParams): Reload {
  const segment = readWhole(query, '_HLS_msn')
  const part = readWhole(query, '_HLS_part')
  if (part !== null && segment === null) throw malformed('`_HLS_part` needs `_HLS_msn` beside it.')
  const skip = query.get('_HLS_skip')
  if (skip !== null && skip !== 'YES' && skip !== 'v2') {
    throw malformed('`_HLS_skip` must be YES or v2.')
  }
  return { segment, part, skip: skip !== null }
}

/**
 * Whether a player that asks for the next segment gets it before it, or what lies between, loses patience. Then it has each
 * segment the moment it is made, and not up to a whole one later, when it would have asked by itself.
 */
export function isSoonEnough({ targetDuration }: LivePackage): boolean {
  return targetDuration * 1_000 <= MOST_HELD_MS - SPARE_MS
}

/**
 * Waits until the playlist of a rendition has what is asked for, three target durations at most, and no longer than players
 * do: then the playlist is answered as it is, since a publisher who is away for a while may come back (live.md §4). Throws
 * `bad_request` for what lies too far ahead.
 */
export async function waitForReload(
  pack: LivePackage,
  rendition: Rendition,
  reload: Reload,
  options: Omit<WaitOptions, 'ms'>,
): Promise<void> {
  const { segment, part } = reload
  if (segment === null || pack.ended) return
  // Two more than the last one listed, which may be a part of the one that is being made.
  if (segment > Math.max(rendition.completeSegment, rendition.endSegment - 1) + 1) {
    throw malformed(`Segment ${segment} lies too far ahead; the next is ${rendition.completeSegment}.`)
  }
  const made = () => rendition.held(segment)?.parts.length ?? 0
  if (part !== null && segment === rendition.endSegment - 1 && part > made() + MOST_PARTS_AHEAD) {
    throw malformed(`Part ${part} of segment ${segment} lies too far ahead; the next is ${made()}.`)
  }
  const isThere = (): boolean => {
    if (part === null) return segment < rendition.completeSegment
    if (made() > part) return true
    // A part beyond the last of its segment means the first one of the next.
    return segment + 1 < rendition.endSegment
  }
  const ms = Math.min(3 * pack.targetDuration * 1_000, MOST_HELD_MS)
  await waitUntil(pack, isThere, { ...options, ms })
}

function readWhole(query: URLSearchParams, name: string): number | null {
  const text = query.get(name)
  if (text === null) return null
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw malformed(`\`${name}\` must be a whole number from 0 on.`)
}

function malformed(sentence: string): HeadwaterError {
  return new HeadwaterError('bad_request', sentence)
}

/** Players give up on playlists whose first byte has not come after ten seconds. */
const MOST_HELD_MS = 8_000
/** Groups of pictures may be a little longer than the first. */
const SPARE_MS = 2_000
/** The Advance Part Limit of §6.2.5.2: three seconds of parts shorter than one. */
const MOST_PARTS_AHEAD = Math.ceil(3 / PART_SECONDS)
