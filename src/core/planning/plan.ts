/**
 * What ingest decides once about a video, and everything else only reads: where it may be cut, which renditions there
 * are, and in which encode chunks they are made. Stored as JSON beside the video; two hours of it are some 30 KB.
 *
 * Rules cited as "rule N" are those of `docs/packaging.md`.
 */

import type { Watermark } from '../watermarks/index.ts'

/** A rational number, e.g. 30000/1001. */
export type Rational = { readonly num: number; readonly den: number }

/**
 * The instants where every track may be cut, in video ticks: `cuts[n]` is the start of segment n, and the last entry
 * the end of the picture. `cuts[0]` is 0.
 */
export type Cuts = readonly number[]

/**
 * Which pictures a rendition shows. `source`: the source's own frames at the source's own times (beside a passthrough
 * rendition). `grid`: constant rate, `frameCount` frames; frame i starts at i × den × timescale ÷ num ticks, exactly.
 */
export type FrameTimes =
  | { readonly kind: 'source'; readonly frameCount: number; readonly averageRate: Rational }
  | { readonly kind: 'grid'; readonly frameCount: number; readonly rate: Rational }

/** One picture rendition. */
export type VideoRendition = {
  /** In every segment address; unguessable enough that a rendition made again has another one. */
  readonly id: string
  /** `passthrough` is cut from the source; `low` is made first, alone, where nothing is passed through; then `ladder`. */
  readonly made: 'passthrough' | 'low' | 'ladder'
  readonly width: number
  readonly height: number
  /** The rung's name, e.g. `720p`; its shorter side. */
  readonly name: string
  /** Target and ceiling of the encoder; for passthrough the measured average and peak. */
  readonly bitrateBps: number
  readonly peakBps: number
  /** Edit-list start S of rule 1, in ticks: the largest reordering delay. */
  readonly editStartTicks: number
  /** RFC 6381; for a rung as its encoder settings will give it. */
  readonly codec: string
  /** Passthrough only: false = leaves the manifests when the ladder is complete (rule of the design's 3.1). */
  readonly kept: boolean
  /** What it was called before some of it was made again (`core/encoding/encode-again.ts`). Default nothing. */
  readonly formerIds?: readonly string[]
  /** Clips only: what this rendition shares was made by another encoder than what is still to be encoded of it. */
  readonly joined?: JoinedCoding
}

/** Segments of two encoders under one init segment (rule 29). */
export type JoinedCoding = {
  /** Sample entry of what is shared, a whole box in hexadecimal. */
  readonly sampleEntry: string
  /** Id of the parameter sets of what is encoded; nothing that is shared has it. */
  readonly parameterSetId: number
}

/** The built-in sound. All times count samples of `sampleRate`. */
export type AudioRendition = {
  readonly id: string
  readonly made: 'passthrough' | 'encoded'
  readonly sampleRate: number
  readonly channels: number
  /** RFC 6381, e.g. `mp4a.40.2`. */
  readonly codec: string
  readonly bitrateBps: number
  /** Samples per frame: 1,024 for AAC-LC. */
  readonly frameSamples: number
  /** AAC frames that are kept, silence at either end included. */
  readonly frameCount: number
  /** Remainder e of rule 7, in samples: `elst media_time`; 0 = no edit list. */
  readonly editStartSamples: number
  /** `cuts[n]` = first frame of segment n, as many entries as segments + 1; a segment that would be empty is left out at the end. */
  readonly cuts: readonly number[]
  /**
   * Passthrough only: silent frames to put before the source's first kept frame (rule 9), the source's frames that are
   * dropped before it (rule 7), and silent frames after the last.
   */
  readonly silenceBefore: number
  readonly dropped: number
  readonly silenceAfter: number
  /** As of pictures. */
  readonly formerIds?: readonly string[]
  /** Encoded sound of a clip: frames on the grid of the media's own plan before its first one. Default 0. */
  readonly firstFrame?: number
}

/**
 * The part of its media that a clip shows, in ticks of the plan that the media was ingested with (their own times).
 * `fromTicks` and `toTicks` are that plan's cuts around it: where they are not its start and end, the first and the last
 * segment hold only a part of what lies between two cuts.
 */
export type Window = {
  readonly startTicks: number
  readonly fromTicks: number
  readonly toTicks: number
}

/** An encode chunk: segments `[firstSegment, endSegment)`. */
export type EncodeChunk = { readonly firstSegment: number; readonly endSegment: number }

/** What was found in the source, as far as encoding needs it. */
export type SourcePicture = {
  /** Index of the track among the movie's tracks, or the decoder's stream number where there is no index. */
  readonly track: number
  readonly codec: string
  /** Coded size, before rotation and pixel shape. */
  readonly codedWidth: number
  readonly codedHeight: number
  /** Clockwise turn that shows it upright. */
  readonly rotation: 0 | 90 | 180 | 270
  readonly pixelAspect: Rational
  /** Size as displayed: turned, square pixels. */
  readonly displayWidth: number
  readonly displayHeight: number
  /** `pq` and `hlg` are converted to SDR. */
  readonly transfer: 'sdr' | 'pq' | 'hlg'
  readonly bitDepth: number
  /** Whether it says that its colours are BT.709, as small pictures often are without it. Default false. */
  readonly saysBt709?: boolean
  /** Whether its pictures are pairs of fields. Default false. */
  readonly interlaced?: boolean
}

export type SourceSound = {
  readonly track: number
  readonly codec: string
  readonly sampleRate: number
  readonly channels: number
}

/** What is burnt into every picture. */
export type Mark = Pick<
  Watermark,
  'imageBlob' | 'width' | 'height' | 'opacity' | 'padding' | 'scale' | 'position'
>

export type Plan = {
  readonly format: 1
  /** `DecoderBuild.id` that makes its renditions. */
  readonly decoder: string
  /** ffmpeg's name of the demuxer for `media_blob`; pinned. */
  readonly demuxer: string
  /** Ticks per second of every picture rendition (rule 5). */
  readonly timescale: number
  readonly cuts: Cuts
  readonly frames: FrameTimes
  readonly picture: SourcePicture
  /** Then nothing of the picture is passed through. Default none. */
  readonly mark?: Mark
  readonly sound: SourceSound | null
  /** Where time 0 of this plan lies in the decoder's own time of the media blob, microseconds; 0 with an index. */
  readonly originUs: number
  readonly quality: 'standard' | 'high'
  /** In ascending size. */
  readonly video: readonly VideoRendition[]
  readonly audio: AudioRendition | null
  readonly videoChunks: readonly EncodeChunk[]
  readonly audioChunks: readonly EncodeChunk[]
  /** Clips only. All times above count from the clip's start. */
  readonly window?: Window
}

/** Number of segments of every picture rendition. */
export function segmentCount(plan: Plan): number {
  return plan.cuts.length - 1
}

/** Duration of the picture in seconds. */
export function planDurationSeconds(plan: Plan): number {
  return (plan.cuts.at(-1) ?? 0) / plan.timescale
}

/** Where time 0 of a plan lies in the times of its media, ticks. */
export function startTicksOf(plan: Pick<Plan, 'window'>): number {
  return plan.window?.startTicks ?? 0
}

/** The cuts of a plan in the times of its media, around all of what its first and last segment are decoded from. */
export function mediaCuts(plan: Pick<Plan, 'cuts' | 'window'>): Cuts {
  const { cuts, window } = plan
  if (window === undefined) return cuts
  const inner = cuts.slice(1, -1).map((cut) => cut + window.startTicks)
  return [window.fromTicks, ...inner, window.toTicks]
}

/**
 * Segments of a passthrough rendition that cannot be cut from the media, since the clip begins or ends inside of them:
 * they are encoded.
 */
export function edgeSegments(plan: Pick<Plan, 'cuts' | 'window'>): readonly number[] {
  const { cuts, window } = plan
  if (window === undefined) return []
  const last = cuts.length - 2
  const edges = new Set<number>()
  if (window.fromTicks !== window.startTicks) edges.add(0)
  if (window.toTicks !== window.startTicks + (cuts.at(-1) ?? 0)) edges.add(last)
  return [...edges]
}

/** The segments of a picture rendition that are made by the encoder. */
export function encodedSegments(
  plan: Pick<Plan, 'cuts' | 'window'>,
  { made }: Pick<VideoRendition, 'made'>,
): readonly number[] {
  return made === 'passthrough'
    ? edgeSegments(plan)
    : Array.from({ length: plan.cuts.length - 1 }, (_, n) => n)
}
