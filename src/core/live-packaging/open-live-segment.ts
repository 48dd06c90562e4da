/** From an address to the bytes of a segment, a part or an init segment of a broadcast, also while they are made. */

import type { ByteRange } from '../../lib/byte-range.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { findRendition, nextPart } from './live-manifests.ts'
import type { LivePackage } from './live-package.ts'
import type { Rendition } from './rendition.ts'
import { waitUntil, type WaitOptions } from './wait-until.ts'

/** What is asked for. */
export type LiveAddress = {
  readonly rendition: string
  readonly what:
    | { readonly kind: 'init'; readonly index: number }
    | { readonly kind: 'segment'; readonly segment: number }
    | { readonly kind: 'part'; readonly segment: number; readonly part: number }
}

/** Where the bytes are. */
export type LiveBytes = { readonly rendition: Rendition; readonly etag: string } & (
  | { readonly from: 'memory'; readonly bytes: Uint8Array }
  | { readonly from: 'recording'; readonly ranges: readonly ByteRange[] }
  /** Still being made: the pieces come as they are. */
  | { readonly from: 'making'; readonly pieces: AsyncIterable<Uint8Array> }
)

/**
 * Finds them, waiting for what comes next: three target durations at most. Throws `not_found` for what has gone, never was,
 * or lies further ahead.
 */
export async function openLive(
  pack: LivePackage,
  { rendition: id, what }: LiveAddress,
  options: Omit<WaitOptions, 'ms'>,
): Promise<LiveBytes> {
  const rendition = findRendition(pack, id)
  const waiting = { ...options, ms: 3 * pack.targetDuration * 1_000 }
  if (what.kind === 'init') {
    const init = rendition.inits[what.index]
    if (init === undefined) throw gone('init segment')
    return { rendition, etag: `"${id}-init-${what.index}"`, from: 'memory', bytes: init.bytes }
  }
  const { segment } = what
  const etag = what.kind === 'part' ? `"${id}-${segment}.${what.part}"` : `"${id}-${segment}"`
  if (what.kind === 'segment')
    return { rendition, etag, ...(await openSegment(pack, rendition, segment, waiting)) }
  return { rendition, etag, ...(await openPart(pack, rendition, what, waiting)) }
}

async function openSegment(pack: LivePackage, rendition: Rendition, segment: number, waiting: WaitOptions) {
  // The next one may be asked for a moment before its first part is there.
  if (segment === rendition.endSegment) {
    await waitUntil(pack, () => segment < rendition.endSegment, waiting)
  }
  const held = rendition.held(segment)
  if (held !== undefined && held.whole !== null) return { from: 'memory' as const, bytes: held.whole }
  if (held !== undefined)
    return { from: 'making' as const, pieces: piecesOf(pack, rendition, segment, waiting) }
  const ranges = segment < rendition.completeSegment ? rendition.ranges(segment) : []
  if (ranges.length === 0) throw gone('segment')
  return { from: 'recording' as const, ranges }
}

async function openPart(
  pack: LivePackage,
  rendition: Rendition,
  { segment, part }: { segment: number; part: number },
  waiting: WaitOptions,
) {
  const find = () => rendition.held(segment)?.parts[part]?.bytes
  const next = nextPart(rendition)
  const isNext =
    (segment === next.segment && part === next.part) ||
    // Whether a segment goes on or another one begins is a guess.
    (segment === rendition.completeSegment && part === (rendition.held(segment)?.parts.length ?? 0)) ||
    (segment === rendition.completeSegment + 1 && part === 0)
  if (isNext) {
    await waitUntil(pack, () => find() !== undefined || rendition.completeSegment > segment, waiting)
  }
  const bytes = find()
  if (bytes !== undefined) return { from: 'memory' as const, bytes }
  const range = rendition.held(segment) === undefined ? rendition.ranges(segment)[part] : undefined
  if (range === undefined) throw gone('part')
  return { from: 'recording' as const, ranges: [range] }
}

/** The parts of a segment that is being made, as they are made. Ends early when nothing comes any more. */
async function* piecesOf(
  pack: LivePackage,
  rendition: Rendition,
  segment: number,
  waiting: WaitOptions,
): AsyncGenerator<Uint8Array> {
  for (let part = 0; ; part += 1) {
    const count = () => rendition.held(segment)?.parts.length ?? 0
    const isWhole = () => rendition.completeSegment > segment
    if (part >= count()) await waitUntil(pack, () => part < count() || isWhole(), waiting)
    const bytes = rendition.held(segment)?.parts[part]?.bytes
    if (bytes !== undefined) yield bytes
    else if (isWhole()) return
    else
      throw new HeadwaterError('blob_damaged', 'The broadcast stopped within a segment that was being sent.')
  }
}

function gone(what: string): HeadwaterError {
  return new HeadwaterError('not_found', `The broadcast has no such ${what} (any more).`)
}
