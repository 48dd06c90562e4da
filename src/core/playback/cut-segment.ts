/**
 * Passthrough: a segment is written from the source's index on request. Its head is made in memory, its body is ranges
 * of the source. Opening an index costs one read; after it a segment costs about as much as its bytes.
 */

import { assert } from '../../lib/failure.ts'
import { cutAudioSegment, cutVideoSegment, type SegmentParts } from '../../media/cmaf/cut-segment.ts'
import { writeAudioInit, writeVideoInit } from '../../media/cmaf/write-init.ts'
import { silentAacFrame } from '../../media/codecs/aac.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import type { Plan } from '../planning/index.ts'
import type { SourceIndex, SourceIndexes, Track } from '../timeline/index.ts'
import { type Body, bodyOf } from './body.ts'
import type { Playable } from './find-playable.ts'

/** Cuts segments of passthrough tracks. */
export class SegmentCutter {
  readonly #indexes: SourceIndexes

  constructor(indexes: SourceIndexes) {
    this.#indexes = indexes
  }

  /** The init segment of a passthrough track. */
  async init(playable: Playable, track: Track): Promise<Uint8Array> {
    return writeOwnInit(await this.#index(playable), playable.plan, track.kind)
  }

  /** Segment `segment` of a passthrough track; it must exist. */
  async cut(playable: Playable, track: Track, segment: number): Promise<Body> {
    const parts = cutOwnSegment(await this.#index(playable), playable.plan, track, segment)
    const blob = playable.timeline.mediaBlob
    return bodyOf([
      parts.head,
      ...parts.body.map((part) => (part instanceof Uint8Array ? part : { blob, range: part })),
    ])
  }

  async #index({ timeline, plan, early }: Playable): Promise<SourceIndex> {
    if (early !== null) return early.index
    assert(timeline.indexBlob !== null, 'a passthrough track needs an index')
    return this.#indexes.open(timeline.indexBlob, plan)
  }
}

/** The init segment of a passthrough track of this kind. */
export function writeOwnInit(index: SourceIndex, plan: Plan, kind: Track['kind']): Uint8Array {
  return kind === 'video' ? videoInit(index, plan) : audioInit(index, plan)
}

/** A segment of a passthrough track; ranges are bytes of the media blob. */
export function cutOwnSegment(
  index: SourceIndex,
  plan: Plan,
  track: Pick<Track, 'id' | 'kind'>,
  segment: number,
): SegmentParts {
  return track.kind === 'video' ? cutPicture(index, plan, track.id, segment) : cutSound(index, plan, segment)
}

function cutPicture(index: SourceIndex, plan: Plan, rendition: string, segment: number): SegmentParts {
  const { samples } = index.picture
  const { own } = index
  assert(own !== null, 'the picture is not passed through')
  const start = own.segmentSamples[segment] ?? 0
  const end = own.segmentSamples[segment + 1] ?? start
  return cutVideoSegment({
    samples,
    range: { start, end },
    times: Float64Array.from({ length: end - start }, (_, sample) => own.times.at(start + sample)),
    startTicks: plan.cuts[segment] ?? 0,
    endTicks: plan.cuts[segment + 1] ?? 0,
    editStartTicks: passthroughPicture(plan, rendition).editStartTicks,
    sequence: segment + 1,
  })
}

function cutSound(index: SourceIndex, plan: Plan, segment: number): SegmentParts {
  const sound = passthroughSound(plan)
  return cutAudioSegment({
    samples: soundTrack(index).samples,
    firstFrame: sound.cuts[segment] ?? 0,
    endFrame: sound.cuts[segment + 1] ?? 0,
    dropped: sound.dropped,
    silenceBefore: sound.silenceBefore,
    silentFrame: silentAacFrame(sound.channels === 1 ? 1 : 2),
    frameSamples: sound.frameSamples,
    sequence: segment + 1,
  })
}

function videoInit(index: SourceIndex, plan: Plan): Uint8Array {
  const rendition = plan.video.find(({ made }) => made === 'passthrough')
  assert(rendition !== undefined, 'the plan has no passthrough picture')
  return writeVideoInit({
    timescale: plan.timescale,
    sampleEntry: sampleEntry(index.picture),
    width: rendition.width,
    height: rendition.height,
    editStartTicks: rendition.editStartTicks,
  })
}

function audioInit(index: SourceIndex, plan: Plan): Uint8Array {
  const sound = passthroughSound(plan)
  return writeAudioInit({
    timescale: sound.sampleRate,
    sampleEntry: sampleEntry(soundTrack(index)),
    editStartSamples: sound.editStartSamples,
  })
}

function passthroughPicture(plan: Plan, rendition: string) {
  const picture = plan.video.find(({ id }) => id === rendition)
  assert(picture?.made === 'passthrough', `rendition ${rendition} is not passed through`)
  return picture
}

function passthroughSound(plan: Plan) {
  assert(plan.audio?.made === 'passthrough', 'the sound is not passed through')
  return plan.audio
}

function soundTrack(index: SourceIndex): MovieTrack {
  assert(index.sound !== null, 'the index has no sound')
  return index.sound
}

/** The source's own sample entry, unchanged: what is passed through has exactly one. */
function sampleEntry(track: MovieTrack): Uint8Array {
  const entry = track.entries[0]
  assert(entry !== undefined, 'the index has a track without a sample entry')
  return entry.box
}
