/**
 * The heart: per video one list of cut points, and per track an init segment and a source for every segment. Manifests,
 * segments, thumbnails, downloads and clips are all read from one; who reads does not know how it was made.
 */

import type { ByteRange } from '../../lib/byte-range.ts'
import type { BlobName } from '../../ports.ts'

/** Where the bytes of one segment are, right now. */
export type SegmentSource =
  /** A finished chunk: read a range. `shiftTicks`: it is shared with a video in which it lies so much later. */
  | {
      readonly from: 'stored'
      readonly blob: BlobName
      readonly range: ByteRange
      readonly shiftTicks: number
    }
  /** Passthrough: write it from the source's index. */
  | { readonly from: 'cut'; readonly segment: number }
  /** Not made yet: ask for it, wait, then it is `stored`. */
  | { readonly from: 'encoder'; readonly segment: number }

/** One segment as manifests need it. Times in the track's ticks. */
export type SegmentTimes = { readonly startTicks: number; readonly endTicks: number }

export type Track = {
  /** Rendition id, as in segment addresses. */
  readonly id: string
  /** Ids under which players may still ask for it. */
  readonly formerIds: readonly string[]
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  /** Decode time of each segment's first sample, and the end: segment n is `[starts[n], starts[n + 1])`. */
  readonly starts: readonly number[]
  /** Edit-list media time of the init segment: presentation = decode base − this (0 for pictures by rule 3, e for sound). */
  readonly presentationOffsetTicks: number
  readonly codec: string
  /** Where the init segment is. `encoder`: it comes with the first chunk. */
  readonly init: { from: 'stored'; blob: BlobName } | { from: 'cut' } | { from: 'encoder' }
  /** Whether manifests offer it now: passthrough at once, a rung from its first chunk on. */
  readonly offered: boolean
  /** Measured over the segments that exist (targets where none does). */
  readonly averageBps: number
  readonly peakBps: number
  readonly video?: {
    readonly width: number
    readonly height: number
    readonly name: string
    readonly frameRate: number
    readonly passthrough: boolean
  }
  readonly audio?: {
    readonly channels: number
    readonly sampleRate: number
    /** `original` for what came with the video, else the label. */
    readonly name: string
    /** BCP 47, or `und`. */
    readonly language: string
    /** Heard unless the viewer chooses; exactly one of the sounds that a video has. */
    readonly isDefault: boolean
    /** Whether it was added to the video. */
    readonly added: boolean
  }
  /** Throws `not_found` past the end. */
  segment(index: number): SegmentSource
}

export type Timeline = {
  readonly videoUid: string
  readonly revision: number
  readonly state: 'growing' | 'closed'
  /** Whether every rendition is complete: manifests may be kept, and no segment comes `from: 'encoder'`. */
  readonly complete: boolean
  /** End of the picture. */
  readonly durationSeconds: number
  readonly mediaBlob: BlobName
  readonly indexBlob: BlobName | null
  readonly tracks: readonly Track[]
}
