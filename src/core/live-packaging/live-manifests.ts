/** A broadcast's package → HLS: which renditions and segments are listed, and how they are addressed. */

import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import {
  formatLivePlaylist,
  type LowLatency,
  type PlaylistPart,
  type PlaylistSegment,
  SegmentLines,
} from '../../media/hls/live-playlist.ts'
import { fitVariant, formatMultivariant, type Variant } from '../../media/hls/multivariant.ts'
import { PART_SECONDS } from '../../media/live/fragment.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import { isSoonEnough } from './blocking-reload.ts'
import { segmentsOfWindow } from './clip-of-broadcast.ts'
import type { ClipWindow } from './clip-query.ts'
import type { LivePackage } from './live-package.ts'
import type { LivePart, Rendition } from './rendition.ts'

/** How a viewer asks for a broadcast; all of it goes on to the addresses of media playlists. */
export type LiveManifestRequest = {
  /** What the addresses of segments begin with, relative to the manifest's: `..`, or `../../<id>`. */
  readonly folder: string
  /** `protocol=llhls`, and the input allows it. */
  readonly lowLatency: boolean
  /** `dvrEnabled=true`: everything from the start of the broadcast. */
  readonly dvr: boolean
  /** `clientBandwidthHint` as sent. */
  readonly clientBandwidthHint?: string | null
  /** `parentOrigin` as sent: segments are checked too. */
  readonly parentOrigin?: string | null
  /** Only a stretch of it, as something that is over. */
  readonly clip?: ClipWindow | null
}

/** The multivariant playlist: ascending rates; sound in a group of its own, where there is a picture. */
export function liveMultivariantText(pack: LivePackage, request: LiveManifestRequest): string {
  const sound = pack.renditions.find(({ kind }) => kind === 'audio')
  const pictures = pack.renditions.filter(({ kind }) => kind === 'video')
  const soundUri = sound && playlistUri(sound, request)
  const variants = (pictures.length > 0 ? pictures : pack.renditions)
    .map((rendition) => variantOf(rendition, rendition === sound ? undefined : sound, request))
    .sort((a, b) => a.bandwidthBps - b.bandwidthBps)
    .map((variant, index) => ({ ...variant, score: index + 1 }))
  const fitting = fitVariant(variants, request.clientBandwidthHint)
  return formatMultivariant({
    version: request.dvr ? 8 : 6,
    media:
      soundUri === undefined || pictures.length === 0
        ? []
        : [
            {
              type: 'AUDIO',
              groupId: AUDIO_GROUP,
              name: 'original',
              language: 'und',
              isDefault: true,
              uri: soundUri,
            },
          ],
    variants: fitting === undefined ? variants : [fitting],
  })
}

function variantOf(
  rendition: Rendition,
  sound: Rendition | undefined,
  request: LiveManifestRequest,
): Variant {
  const { format, codec } = rendition.initOf(rendition.endSegment).init
  const soundCodec = sound?.initOf(sound.endSegment).init.codec
  return {
    bandwidthBps: rendition.peakBps + (sound?.peakBps ?? 0),
    averageBandwidthBps: rendition.averageBps + (sound?.averageBps ?? 0),
    ...(format.kind === 'video' && {
      width: format.width,
      height: format.height,
      frameRate: rendition.samplesPerSecond,
    }),
    codecs: soundCodec === undefined ? [codec] : [codec, soundCodec],
    score: 1,
    ...(sound && { audioGroup: AUDIO_GROUP }),
    uri: playlistUri(rendition, request),
  }
}

/**
 * The media playlist of a rendition. `skip`: the client has what lies before the last six target durations
 * (`_HLS_skip=YES`). Throws `not_found` for a rendition that is not (or no longer) there.
 */
export function livePlaylistText(
  pack: LivePackage,
  renditionId: string,
  request: LiveManifestRequest & { readonly skip: boolean },
): string {
  const rendition = findRendition(pack, renditionId)
  const first = firstListed(pack, rendition, request.dvr)
  const maySkip = request.lowLatency || request.dvr
  const skipped = request.skip && maySkip ? countSkippable(pack, rendition, first) : 0
  const withParts = request.lowLatency && !pack.ended
  const open = rendition.completeSegment
  const partsFrom = withParts ? partsFirst(rendition) : open
  const written =
    request.dvr && skipped === 0
      ? writtenLines(pack, rendition, request, { first, end: Math.min(partsFrom, open) })
      : undefined
  const segments: PlaylistSegment[] = []
  for (let number = written?.end ?? first + skipped; number < open; number += 1) {
    segments.push({
      ...describeComplete(pack, rendition, number, request),
      parts: number >= partsFrom ? listParts(rendition, number, request) : [],
    })
  }
  return formatLivePlaylist({
    version: request.dvr ? 8 : 6,
    targetDuration: pack.targetDuration,
    mediaSequence: first,
    discontinuitySequence: pack.cuts.gapsBefore(first),
    isEvent: request.dvr,
    ended: pack.ended,
    skipUntilSeconds: maySkip && !pack.ended ? skipUntilSeconds(pack) : null,
    skipped,
    ...(written && { written: written.lines }),
    segments,
    open:
      withParts && open < rendition.endSegment
        ? { ...describeSegment(pack, rendition, open, request), parts: listParts(rendition, open, request) }
        : null,
    canBlockReload: !pack.ended && isSoonEnough(pack),
    lowLatency: withParts ? lowLatencyOf(pack, rendition, request) : null,
  })
}

/** The media playlist of a stretch: whole segments, finished. Throws `not_found`. */
export function liveClipPlaylistText(
  pack: LivePackage,
  renditionId: string,
  request: LiveManifestRequest & { readonly clip: ClipWindow },
): string {
  const rendition = findRendition(pack, renditionId)
  const start = pack.startSeconds + request.clip.startSeconds
  const window = segmentsOfWindow(rendition, start, start + request.clip.durationSeconds)
  const first = Math.max(window.first, rendition.firstAvailable)
  const segments: PlaylistSegment[] = []
  for (let number = first; number < Math.min(window.end, rendition.completeSegment); number += 1) {
    segments.push({ ...describeComplete(pack, rendition, number, request), parts: [] })
  }
  return formatLivePlaylist({
    version: 6,
    targetDuration: Math.max(
      pack.targetDuration,
      ...segments.map(({ durationUs: us }) => Math.round(us / 1e6)),
    ),
    mediaSequence: first,
    discontinuitySequence: pack.cuts.gapsBefore(first),
    isEvent: false,
    ended: true,
    skipUntilSeconds: null,
    skipped: 0,
    segments,
    open: null,
    canBlockReload: false,
    lowLatency: null,
  })
}

/** A rendition by its id. Throws `not_found`. */
export function findRendition(pack: LivePackage, id: string): Rendition {
  const rendition = pack.find(id)
  if (rendition === undefined) {
    throw new HeadwaterError('not_found', 'The broadcast has no such rendition (any more).')
  }
  return rendition
}

/**
 * The first segment that is listed: of the last six and of the last twenty seconds whichever begins earlier, or the first
 * one there is.
 */
export function firstListed(pack: LivePackage, rendition: Rendition, dvr: boolean): number {
  if (dvr) return rendition.firstAvailable
  const end = rendition.completeSegment
  const endTicks = end < pack.cuts.length ? (pack.cuts.at(end) ?? 0) : pack.endTicks
  const byTime = pack.cuts.segmentAt(endTicks - WINDOW_TICKS)
  return Math.max(rendition.firstAvailable, Math.min(end - WINDOW_SEGMENTS, byTime))
}

/** How the address of a part or a segment ends: after the folder and the rendition. */
export function segmentUri(rendition: Rendition, name: string, request: LiveManifestRequest): string {
  return `${request.folder}/${rendition.id}/${name}${querySuffix([['parentOrigin', request.parentOrigin]])}`
}

function playlistUri(rendition: Rendition, request: LiveManifestRequest): string {
  if (request.clip) {
    const { startSeconds, durationSeconds } = request.clip
    const window = [
      ['time', `${startSeconds}s`],
      ['duration', `${durationSeconds}s`],
      ['parentOrigin', request.parentOrigin],
    ] as const
    return `${rendition.id}.m3u8${querySuffix(window)}`
  }
  const query = querySuffix([
    ['protocol', request.lowLatency ? 'llhls' : null],
    ['dvrEnabled', request.dvr ? 'true' : null],
    ['parentOrigin', request.parentOrigin],
  ])
  return `${rendition.id}.m3u8${query}`
}

function querySuffix(fields: readonly (readonly [string, string | null | undefined])[]): string {
  const said = fields.flatMap(([name, value]) => (value ? [`${name}=${encodeURIComponent(value)}`] : []))
  return said.length === 0 ? '' : `?${said.join('&')}`
}

function describeSegment(
  pack: LivePackage,
  rendition: Rendition,
  number: number,
  request: LiveManifestRequest,
): Omit<PlaylistSegment, 'uri' | 'durationUs' | 'parts'> {
  const { index } = rendition.initOf(number)
  return {
    mapUri: segmentUri(rendition, initName(index), request),
    discontinuity: pack.cuts.isAfterGap(number),
    wallUs: pack.cuts.wallUs(number) ?? 0,
  }
}

function describeComplete(
  pack: LivePackage,
  rendition: Rendition,
  number: number,
  request: LiveManifestRequest,
): Omit<PlaylistSegment, 'parts'> {
  return {
    ...describeSegment(pack, rendition, number, request),
    uri: segmentUri(rendition, `${number}.m4s`, request),
    durationUs: durationUs(rendition, number),
  }
}

type WrittenLines = { readonly first: number; end: number; readonly lines: SegmentLines }

/** Of each rendition, by how segments are addressed. */
const writtenOf = new WeakMap<Rendition, BoundedCache<string, WrittenLines>>()

/** The lines of the segments from `first` to `end`: only those are written that no earlier request has. */
function writtenLines(
  pack: LivePackage,
  rendition: Rendition,
  request: LiveManifestRequest,
  { first, end }: { readonly first: number; readonly end: number },
): WrittenLines {
  const kept = writtenOf.get(rendition) ?? new BoundedCache<string, WrittenLines>({ maxWeight: MOST_WRITTEN })
  writtenOf.set(rendition, kept)
  // Those with parts end earlier.
  const address = `${request.lowLatency} ${segmentUri(rendition, '', request)}`
  const known = kept.peek(address)
  // What was written goes on as long as it begins where the playlist does and not beyond what is wanted now.
  const isUsable = known !== undefined && known.first === first && known.end <= end
  const written = isUsable ? known : { first, end: first, lines: new SegmentLines() }
  for (; written.end < end; written.end += 1) {
    written.lines.add({ ...describeComplete(pack, rendition, written.end, request), parts: [] })
  }
  kept.set(address, written)
  return written
}

/** Name of the init segment of a rendition's n-th configuration. */
export function initName(index: number): string {
  return index === 0 ? 'init.mp4' : `init-${index}.mp4`
}

/** Differences of rounded times, so that sums never drift. */
function durationUs(rendition: Rendition, number: number): number {
  const { start, end } = rendition.times(number) ?? { start: 0, end: 0 }
  return scaleTicks(end, 1_000_000, rendition.timescale) - scaleTicks(start, 1_000_000, rendition.timescale)
}

function listParts(rendition: Rendition, number: number, request: LiveManifestRequest): PlaylistPart[] {
  const parts = rendition.held(number)?.parts ?? []
  return parts.map((part, index) => ({
    uri: segmentUri(rendition, `${number}.${index}.m4s`, request),
    durationUs: partDurationUs(rendition, part),
    independent: part.isSync,
  }))
}

function partDurationUs({ timescale }: Rendition, { decodeTime, duration }: LivePart): number {
  return (
    scaleTicks(decodeTime + duration, 1_000_000, timescale) - scaleTicks(decodeTime, 1_000_000, timescale)
  )
}

/**
 * Parts are listed for four seconds after the end of their segment at least, and no further than three target durations
 * from the end (bis §4.4.4.9). How far must not depend on the target duration: hls.js loses its place when parts appear of
 * segments that had none any more.
 */
function partsFirst(rendition: Rendition): number {
  return rendition.segmentAt(rendition.endTime - PARTS_SECONDS * rendition.timescale)
}

/** Segments that lie further from the end than an update has to tell. */
function countSkippable(pack: LivePackage, rendition: Rendition, first: number): number {
  const until = rendition.endTime - skipUntilSeconds(pack) * rendition.timescale
  return Math.max(0, rendition.segmentAt(until) - first)
}

function skipUntilSeconds(pack: LivePackage): number {
  return 6 * pack.targetDuration
}

function lowLatencyOf(pack: LivePackage, rendition: Rendition, request: LiveManifestRequest): LowLatency {
  const next = nextPart(rendition)
  return {
    partTargetSeconds: PART_SECONDS,
    partHoldBackSeconds: 3 * PART_SECONDS,
    preloadHint: segmentUri(rendition, `${next.segment}.${next.part}.m4s`, request),
    reports: pack.renditions
      .filter((other) => other !== rendition)
      .map((other) => ({ uri: playlistUri(other, request), ...lastOf(other) })),
  }
}

/**
 * The part that is expected next. After a segment as long as the one before it that is the first of another one: groups
 * of pictures are usually of one length.
 */
export function nextPart(rendition: Rendition): { readonly segment: number; readonly part: number } {
  const open = rendition.completeSegment
  const parts = open < rendition.endSegment ? (rendition.held(open)?.parts.length ?? 0) : 0
  const before = rendition.times(open - 1)
  const present = rendition.times(open)
  if (before !== undefined && present !== undefined && parts > 0) {
    const left = before.end - before.start - (present.end - present.start)
    if (left < rendition.timescale * SAME_LENGTH_SECONDS) return { segment: open + 1, part: 0 }
  }
  return { segment: open, part: parts }
}

function lastOf(rendition: Rendition): { readonly lastSegment: number; readonly lastPart: number | null } {
  const lastSegment = rendition.endSegment - 1
  const parts = rendition.held(lastSegment)?.parts.length ?? 0
  return { lastSegment, lastPart: parts > 0 ? parts - 1 : null }
}

/** By the uid of the input, by that of the video, and by a token; and by pages that say where they are. */
const MOST_WRITTEN = 6
const AUDIO_GROUP = 'group_audio'
const PARTS_SECONDS = 4
const WINDOW_SEGMENTS = 6
const WINDOW_TICKS = 20 * LIVE_TIMESCALE
/** Segments of sound differ by a frame. */
const SAME_LENGTH_SECONDS = 0.03
