/**
 * The plan of a clip: a window on the plan of the video it is cut from (docs/packaging.md, "Clips"). Whole segments keep
 * their cuts, so that they need not be made again; only the window's edges are new. Pure but for new ids.
 */

import { assert } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { freeParameterSetId, JOINABLE_LENGTH_SIZE } from '../../media/codecs/join-avc.ts'
import { readAvcConfig } from '../../media/codecs/avc.ts'
import { reorderBound } from '../../media/isobmff/presentation.ts'
import { planClipChunks, planRendition, REORDER_PICTURES } from './encode-plan.ts'
import { planLadder } from './ladder.ts'
import { lowRung } from './make-plan.ts'
import type { PictureTimes } from './passthrough-times.ts'
import {
  type AudioRendition,
  type Cuts,
  edgeSegments,
  type FrameTimes,
  type JoinedCoding,
  type Mark,
  mediaCuts,
  type Plan,
  startTicksOf,
  type VideoRendition,
  type Window,
} from './plan.ts'
import { SHORTEST_SECONDS, soundFrameCount } from './plan-cuts.ts'

/** What of a video is shown, seconds of its own time. */
export type ClipRange = { readonly startSeconds: number; readonly endSeconds: number }

/** The pictures of a source that is indexed, under the plan of the video that is clipped. */
export type ClipPictures = {
  readonly times: PictureTimes
  readonly segmentSamples: Uint32Array
  /** Sample entry of the source's pictures, and the `avcC` in it. */
  readonly sampleEntry: Uint8Array
  readonly avcC: Uint8Array | null
}

export type ClipOptions = {
  readonly newId: (name: string) => string
  /** Null where pictures are made on a grid. */
  readonly pictures: ClipPictures | null
  /** `DecoderBuild.id` of the encoder that makes the edges. */
  readonly decoder: string
  /** Whether a passthrough that does not stay has left the source's manifests. */
  readonly sourceComplete: boolean
  /** Of an encoded rendition of the source: undefined = its own encoder goes on with it. */
  readonly joined: ReadonlyMap<string, JoinedCoding>
  /** A watermark of the clip's own: every picture is made anew. Null = as the source is. */
  readonly mark: Mark | null
}

/** A plan, and for each of its renditions the one of the source that it continues. */
export type ClipPlan = {
  readonly plan: Plan
  readonly from: ReadonlyMap<string, string>
  /** By how much the clip's pictures and sound begin later in the source, in ticks of each. */
  readonly pictureShiftTicks: number
  readonly soundShiftTicks: number
}

/**
 * A picture that began this long before the clip's start is shown from its own beginning, so that it lasts as long as
 * others; of one that stays longer only the rest is shown. Likewise at the end.
 */
const PICTURE_SECONDS = 0.1

/** Plans a clip of the video that `source` is the plan of. */
export function planClip(source: Plan, range: ClipRange, options: ClipOptions): ClipPlan {
  const { timescale } = source
  const { start, end, frames } = findBounds(source, range, options.pictures)
  const shortest = SHORTEST_SECONDS * timescale
  const inner = source.cuts.filter((cut) => cut - start >= shortest && end - cut >= shortest)
  const cuts: Cuts = [0, ...inner.map((cut) => cut - start), end - start]
  const window = windowOf(source, start, end)
  const from = new Map<string, string>()
  const video = planPictures(source, { cuts, window, frames }, options, from)
  const sound = source.audio && planSound(source, source.audio, { start, end, inner }, options)
  if (source.audio !== null && sound !== null) from.set(sound.audio.id, source.audio.id)
  const plan: Plan = {
    ...source,
    decoder: options.decoder,
    cuts,
    frames,
    video,
    audio: sound?.audio ?? null,
    videoChunks: planClipChunks(cuts, timescale, 'video'),
    audioChunks: sound?.audio.made === 'encoded' ? soundChunks(sound.audio) : [],
    window,
    ...(options.mark !== null && { mark: options.mark }),
  }
  return { plan, from, pictureShiftTicks: start, soundShiftTicks: sound?.shiftTicks ?? 0 }
}

type Bounds = { readonly start: number; readonly end: number; readonly frames: FrameTimes }

/** The first and the last instant of the clip in the source's ticks: those of whole pictures. */
function findBounds(source: Plan, range: ClipRange, pictures: ClipPictures | null): Bounds {
  const { frames, timescale } = source
  if (frames.kind === 'grid') {
    const { num, den } = frames.rate
    const first = Math.min(Math.floor((range.startSeconds * num) / den), frames.frameCount - 1)
    const last = Math.max(first + 1, Math.min(Math.ceil((range.endSeconds * num) / den), frames.frameCount))
    return {
      start: scaleTicks(first, den * timescale, num),
      end: scaleTicks(last, den * timescale, num),
      frames: { ...frames, frameCount: last - first },
    }
  }
  assert(pictures !== null, 'pictures at the source’s own times need its index')
  const sourceEnd = source.cuts.at(-1) ?? 0
  const asked = {
    start: range.startSeconds * timescale,
    end: Math.min(range.endSeconds * timescale, sourceEnd),
  }
  const { shown, next, between } = lookAround(source.cuts, asked, pictures)
  const short = PICTURE_SECONDS * timescale
  return {
    start: asked.start - shown <= short ? shown : asked.start,
    end: next - asked.end <= short ? next : asked.end,
    // The one on show at the start counts, too.
    frames: { ...frames, frameCount: between + 1 },
  }
}

/**
 * The picture on show at `start`, the first one at or after `end`, and how many begin between them. Every picture of a
 * segment is shown within it, so only those of the segments at the edges are looked at one by one.
 */
function lookAround(
  cuts: Cuts,
  { start, end }: { readonly start: number; readonly end: number },
  { segmentSamples, times }: ClipPictures,
): { shown: number; next: number; between: number } {
  let shown = Number.NEGATIVE_INFINITY
  let next = cuts.at(-1) ?? 0
  let between = 0
  const last = segmentSamples.length - 2
  for (let segment = 0; segment <= last; segment += 1) {
    const [begins = 0, ends = 0] = cuts.slice(segment, segment + 2)
    const [first = 0, beyond = 0] = segmentSamples.subarray(segment, segment + 2)
    // Of a clip the first and the last segment hold pictures that it does not show.
    if (segment > 0 && segment < last) {
      if (ends <= start) continue
      if (begins >= end) return { shown, next: Math.min(next, begins), between }
      if (begins > start && ends <= end) {
        between += beyond - first
        continue
      }
    }
    for (let sample = first; sample < beyond; sample += 1) {
      const time = times.at(sample)
      if (time <= start) shown = Math.max(shown, time)
      else if (time >= end) next = Math.min(next, time)
      else between += 1
    }
  }
  return { shown, next, between }
}

function windowOf(source: Plan, start: number, end: number): Window {
  const offset = startTicksOf(source)
  const [startTicks, endTicks] = [start + offset, end + offset]
  const around = mediaCuts(source)
  const fromTicks = around.findLast((cut) => cut <= startTicks)
  const toTicks = around.find((cut) => cut >= endTicks)
  assert(fromTicks !== undefined && toTicks !== undefined, 'a clip lies outside of its source')
  return { startTicks, fromTicks, toTicks }
}

function planPictures(
  source: Plan,
  clip: Pick<Plan, 'cuts' | 'window' | 'frames'>,
  options: ClipOptions,
  from: Map<string, string>,
): VideoRendition[] {
  const passthrough = source.video.find(({ made }) => made === 'passthrough')
  const isOffered = passthrough !== undefined && (passthrough.kept || !options.sourceComplete)
  const coding = isOffered && edgeSegments(clip).length > 0 ? joinSource(options.pictures) : undefined
  const share = options.mark === null
  const passes = isOffered && share && coding !== null
  if (passthrough !== undefined && !share) return planAnew(source, clip, options)
  // A source whose NAL units are counted otherwise than encoders do cannot be continued by one.
  if (passthrough?.kept === true && !passes) return planAnew(source, clip, options)
  const kept = source.video.filter(({ made }) => made !== 'passthrough' || passes)
  return kept.map((rendition) => {
    const id = options.newId(rendition.name)
    if (share) from.set(id, rendition.id)
    const joined =
      rendition.made === 'passthrough' ? coding : share ? options.joined.get(rendition.id) : undefined
    return withJoined({ ...rendition, id }, joined)
  })
}

function withJoined(rendition: VideoRendition, joined: JoinedCoding | null | undefined): VideoRendition {
  const { joined: before, ...rest } = rendition
  return joined == null ? (before === undefined ? rendition : rest) : { ...rest, joined }
}

/** What the edges of a passthrough are joined to; null where they cannot be. */
function joinSource(pictures: ClipPictures | null): JoinedCoding | null {
  if (pictures?.avcC == null) return null
  const parameterSetId = freeParameterSetId(pictures.avcC)
  if (parameterSetId === undefined || readAvcConfig(pictures.avcC).lengthSize !== JOINABLE_LENGTH_SIZE)
    return null
  return { sampleEntry: Buffer.from(pictures.sampleEntry).toString('hex'), parameterSetId }
}

/** Every rung of the ladder, at the source's own times. */
function planAnew(
  source: Plan,
  { frames, cuts }: Pick<Plan, 'cuts' | 'frames'>,
  { newId, pictures }: ClipOptions,
): VideoRendition[] {
  assert(frames.kind === 'source' && pictures !== null, 'only a passthrough is replaced')
  const { displayWidth: width, displayHeight: height } = source.picture
  const rungs = planLadder({ width, height, rate: frames.averageRate })
  const low = lowRung(rungs)
  const { segmentSamples, times } = pictures
  const count = (segmentSamples.at(-1) ?? 0) - (segmentSamples[0] ?? 0)
  const all = Float64Array.from({ length: count }, (_, index) => times.at((segmentSamples[0] ?? 0) + index))
  const sorted = all.filter((time) => Number.isFinite(time)).sort()
  // A picture that is cut off at the clip's start or end only comes closer to the others.
  const editStartTicks = Math.min(reorderBound(sorted, REORDER_PICTURES), cuts.at(-1) ?? 0)
  return rungs.map((rung) =>
    planRendition(rung, { id: newId(rung.name), made: rung === low ? 'low' : 'ladder', editStartTicks }),
  )
}

/**
 * Sound is cut between its frames: the clip begins with the frame that holds its first instant, and the edit list says
 * how much of it comes before (rule 7). Later cuts are those of the source.
 */
function planSound(
  source: Plan,
  audio: AudioRendition,
  { start, end, inner }: { start: number; end: number; inner: Cuts },
  { newId }: ClipOptions,
): { audio: AudioRendition; shiftTicks: number } {
  const { sampleRate, frameSamples } = audio
  const startSample = scaleTicks(start, sampleRate, source.timescale) + audio.editStartSamples
  const first = Math.min(Math.floor(startSample / frameSamples), audio.frameCount - 1)
  const editStartSamples = Math.min(startSample - first * frameSamples, frameSamples - 1)
  const grid = { sampleRate, frameSamples, editStartSamples }
  const frameCount = Math.min(soundFrameCount(end - start, source.timescale, grid), audio.frameCount - first)
  const cuts = [0]
  for (const cut of inner) {
    const frame = (audio.cuts[source.cuts.indexOf(cut)] ?? audio.frameCount) - first
    if (frame > (cuts.at(-1) ?? 0) && frame < frameCount) cuts.push(frame)
  }
  cuts.push(frameCount)
  const silentFrom = audio.frameCount - audio.silenceAfter - first
  const passed = audio.made === 'passthrough'
  return {
    shiftTicks: first * frameSamples,
    audio: {
      ...audio,
      id: newId('audio'),
      editStartSamples,
      frameCount,
      cuts,
      silenceBefore: Math.max(0, audio.silenceBefore - first),
      dropped: audio.dropped + (passed ? Math.max(0, first - audio.silenceBefore) : 0),
      silenceAfter: passed ? Math.max(0, frameCount - Math.max(0, silentFrom)) : 0,
      ...(passed ? {} : { firstFrame: (audio.firstFrame ?? 0) + first }),
    },
  }
}

function soundChunks({ cuts, frameSamples, sampleRate }: AudioRendition) {
  return planClipChunks(
    cuts.map((frame) => frame * frameSamples),
    sampleRate,
    'audio',
  )
}
