/** Plan + what is finished = the timeline. Pure: the same rows give the same timeline. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName } from '../../ports.ts'
import {
  type AudioRendition,
  edgeSegments,
  encodedSegments,
  type Plan,
  planDurationSeconds,
  planEncodedSound,
  type VideoRendition,
} from '../planning/index.ts'
import { type AddedSound, UNKNOWN_LANGUAGE } from './added-sounds.ts'
import { addOverhead, measureRates, type Rates } from './rates.ts'
import type { SegmentSource, Timeline, Track } from './timeline.ts'

/** An encoded rendition that has its init segment. */
export type RenditionRow = { readonly rendition: string; readonly initBlob: BlobName; readonly codec: string }

/** A finished run of segments. */
export type ChunkRow = {
  readonly rendition: string
  readonly firstSegment: number
  readonly blob: BlobName
  /** Byte length of each segment, in order from `firstByte` on. */
  readonly segmentBytes: readonly number[]
  /** Default 0. */
  readonly firstByte?: number
  /** The segments are shared with a video in which they lie so many ticks later. Default 0. */
  readonly shiftTicks?: number
}

export type TimelineRows = {
  readonly videoUid: string
  readonly revision: number
  readonly plan: Plan
  readonly complete: boolean
  readonly mediaBlob: BlobName
  readonly indexBlob: BlobName | null
  readonly renditions: readonly RenditionRow[]
  /** In the order in which they were recorded. */
  readonly chunks: readonly ChunkRow[]
  /** Sound beside that of the plan. */
  readonly sounds: readonly AddedSound[]
}

/** Makes the timeline of a plan and the rows recorded so far. */
export function assembleTimeline(rows: TimelineRows): Timeline {
  const inits = new Map(rows.renditions.map((row) => [row.rendition, row]))
  const chunks = Map.groupBy(rows.chunks, (chunk) => chunk.rendition)
  const finished = (rendition: string): Finished => ({
    init: inits.get(rendition),
    chunks: chunks.get(rendition) ?? [],
  })
  const { plan } = rows
  return {
    videoUid: rows.videoUid,
    revision: rows.revision,
    state: 'closed',
    complete: rows.complete,
    durationSeconds: planDurationSeconds(plan),
    mediaBlob: rows.mediaBlob,
    indexBlob: rows.indexBlob,
    tracks: [
      ...plan.video.map((rendition) => videoTrack(rendition, plan, finished(rendition.id), rows.complete)),
      ...soundRenditions(plan, rows.sounds).map(({ rendition, ...facts }) =>
        audioTrack(rendition, facts, finished(rendition.id)),
      ),
    ],
  }
}

type Finished = { readonly init: RenditionRow | undefined; readonly chunks: readonly ChunkRow[] }

function videoTrack(rendition: VideoRendition, plan: Plan, finished: Finished, complete: boolean): Track {
  const passthrough = rendition.made === 'passthrough'
  const frameRate = plan.frames.kind === 'grid' ? plan.frames.rate : plan.frames.averageRate
  const framesPerSecond = frameRate.num / frameRate.den
  const planned = { averageBps: rendition.bitrateBps, peakBps: rendition.peakBps }
  return {
    ...commonTrack({
      rendition,
      kind: 'video',
      timescale: plan.timescale,
      // One array for all pictures: they are cut at the same instants (rule 14).
      starts: plan.cuts,
      cut: passthrough ? { except: edgeSegments(plan) } : null,
      planned: passthrough ? addOverhead(planned, framesPerSecond) : planned,
      finished,
    }),
    // Rule 3: the decode time of a segment is its place in the presentation; S shifts only the composition offsets.
    presentationOffsetTicks: 0,
    offered:
      (rendition.kept || !complete) && (encodedSegments(plan, rendition).length === 0 || isStarted(finished)),
    video: {
      width: rendition.width,
      height: rendition.height,
      name: rendition.name,
      frameRate: framesPerSecond,
      passthrough,
    },
  }
}

type SoundFacts = Pick<NonNullable<Track['audio']>, 'name' | 'language' | 'isDefault' | 'added'>

/** Every sound of a video: what came with it first. Default is what is flagged so, else the first (media.md §3). */
function soundRenditions(
  plan: Plan,
  sounds: readonly AddedSound[],
): (SoundFacts & { readonly rendition: AudioRendition })[] {
  const flagged = sounds.some(({ isDefault }) => isDefault)
  return [
    ...(plan.audio
      ? [
          {
            rendition: plan.audio,
            name: ORIGINAL,
            language: UNKNOWN_LANGUAGE,
            isDefault: !flagged,
            added: false,
          },
        ]
      : []),
    ...sounds.map(({ id, channels, label: name, language, isDefault }, position) => ({
      rendition: planEncodedSound(plan, { id, channels }),
      name,
      language,
      isDefault: isDefault || (!flagged && plan.audio === null && position === 0),
      added: true,
    })),
  ]
}

function audioTrack(rendition: AudioRendition, facts: SoundFacts, finished: Finished): Track {
  const passthrough = rendition.made === 'passthrough'
  const planned = { averageBps: rendition.bitrateBps, peakBps: rendition.bitrateBps }
  return {
    ...commonTrack({
      rendition,
      kind: 'audio',
      timescale: rendition.sampleRate,
      starts: rendition.cuts.map((frame) => frame * rendition.frameSamples),
      cut: passthrough ? { except: [] } : null,
      planned: passthrough ? addOverhead(planned, rendition.sampleRate / rendition.frameSamples) : planned,
      finished,
    }),
    presentationOffsetTicks: rendition.editStartSamples,
    offered: passthrough || isStarted(finished),
    audio: { channels: rendition.channels, sampleRate: rendition.sampleRate, ...facts },
  }
}

type TrackParts = {
  readonly rendition: {
    readonly id: string
    readonly codec: string
    readonly formerIds?: readonly string[]
  }
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  readonly starts: readonly number[]
  /** Segments are cut from the source, but for the ones that a clip begins or ends in; null = all are encoded. */
  readonly cut: { readonly except: readonly number[] } | null
  readonly planned: Rates
  readonly finished: Finished
}

function commonTrack(parts: TrackParts) {
  const { rendition, starts, cut, finished } = parts
  const stored = storedSegments(finished.chunks, starts.length - 1)
  const init: Track['init'] =
    cut?.except.length === 0
      ? { from: 'cut' }
      : finished.init
        ? { from: 'stored', blob: finished.init.initBlob }
        : { from: 'encoder' }
  const sizes = stored.map((source) => source && source.range.end - source.range.start)
  return {
    id: rendition.id,
    formerIds: rendition.formerIds ?? [],
    kind: parts.kind,
    timescale: parts.timescale,
    starts,
    codec: finished.init?.codec ?? rendition.codec,
    init,
    ...(cut ? parts.planned : measureRates(sizes, starts, parts.timescale, parts.planned)),
    segment(index: number): SegmentSource {
      if (!Number.isSafeInteger(index) || index < 0 || index >= starts.length - 1) {
        throw new HeadwaterError(
          'not_found',
          `Rendition ${rendition.id} has segments 0 to ${starts.length - 2}; segment ${index} does not exist.`,
        )
      }
      if (cut && !cut.except.includes(index)) return { from: 'cut', segment: index }
      return stored[index] ?? { from: 'encoder', segment: index }
    },
  }
}

/** Name of the sound that came with the video (playback.md §2). */
const ORIGINAL = 'original'

/** Offered once something can be played: players read the list of renditions once and may start on any of them. */
function isStarted(finished: Finished): boolean {
  return finished.init !== undefined && finished.chunks.length > 0
}

type Stored = Extract<SegmentSource, { from: 'stored' }>

/**
 * Where each segment lies. Two chunks may hold the same one, since a waiting viewer's run and the ordinary one overlap:
 * the first recorded stays, for its address may already be in caches.
 */
function storedSegments(chunks: readonly ChunkRow[], count: number): (Stored | undefined)[] {
  const stored = Array.from<Stored | undefined>({ length: count })
  for (const chunk of chunks) {
    let start = chunk.firstByte ?? 0
    for (const [position, sizeBytes] of chunk.segmentBytes.entries()) {
      const segment = chunk.firstSegment + position
      const range = { start, end: start + sizeBytes }
      const shiftTicks = chunk.shiftTicks ?? 0
      if (segment < count) stored[segment] ??= { from: 'stored', blob: chunk.blob, range, shiftTicks }
      start = range.end
    }
  }
  return stored
}
