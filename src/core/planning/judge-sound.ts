/** Whether a source's sound can be passed through (packaging rules 7 to 11), and where its frames then lie. Pure. */

import { readAudioSpecificConfig } from '../../media/codecs/aac.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import { editShape, presentationTimes } from '../../media/isobmff/presentation.ts'

/** Passed-through sound: which of the source's frames are kept, and what is filled. */
export type PassthroughSound = {
  readonly passthrough: true
  readonly sampleRate: number
  readonly channels: number
  readonly codec: string
  readonly frameSamples: number
  readonly bitrateBps: number
  /** Rule 7's e. */
  readonly editStartSamples: number
  /** Frames wholly before 0, left out (rule 7). */
  readonly dropped: number
  /** Silent frames before the first kept one (rule 9). */
  readonly silenceBefore: number
  /** Kept frames of the source. */
  readonly sourceFrames: number
}

export type SoundVerdict = PassthroughSound | { readonly passthrough: false; readonly because: string }

/** Frames may lie this far from an even grid: rounding of containers that count milliseconds. */
const MAX_DRIFT_SECONDS = 0.012
/** Sound that begins later than this is not filled frame by frame but encoded, silence and all. */
const MAX_LATE_SECONDS = 60

/** A longer hole after the first frame is one that somebody made. */
const MAX_LONE_SECONDS = 0.25

/** Judges the track; `codec` is how it is called. */
export function judgeSound(track: MovieTrack, codec: string): SoundVerdict {
  const refuse = (because: string): SoundVerdict => ({ passthrough: false, because })
  const [entry] = track.entries
  if (track.entries.length !== 1) return refuse('its coding changes on the way')
  if (entry?.fourcc !== 'mp4a' || entry.config === null) return refuse(`it is ${codec}, not AAC`)
  // QuickTime's own sound description (version 1 or 2) is not what an MP4 of players holds.
  if (entry.box[17] !== 0) return refuse("it has QuickTime's own description")
  const facts = readAudioSpecificConfig(entry.config)
  if (facts.objectType !== 2 || facts.sbr || facts.ps) return refuse(`it is ${facts.codec}, not AAC-LC`)
  if (facts.channels !== 1 && facts.channels !== 2) return refuse(`it has ${facts.channels} channels`)
  if (facts.frameSamples !== 1024) return refuse(`its frames have ${facts.frameSamples} samples`)
  const edit = editShape(track)
  if (edit.kind === 'several') return refuse('its edit list has several stretches')
  const { sampleRate, frameSamples } = facts
  const times = presentationTimes(track)
  const toSamples = sampleRate / track.timescale
  const lone = isFirstAlone(times, toSamples, facts) ? 1 : 0
  const first = (times[lone] ?? 0) * toSamples
  for (let frame = lone; frame < times.length; frame += 1) {
    const off = (times[frame] ?? 0) * toSamples - (first + (frame - lone) * frameSamples)
    if (Math.abs(off) > MAX_DRIFT_SECONDS * sampleRate)
      return refuse('its frames do not follow one another evenly')
  }
  if (first > MAX_LATE_SECONDS * sampleRate) return refuse('it begins late')
  // The end of the edit list cuts whole frames off where it means to, and the encoder's padding at most.
  const end = edit.endTicks === null ? Number.POSITIVE_INFINITY : edit.endTicks * toSamples
  let count = times.length
  while (count > 1 && (times[count - 1] ?? 0) * toSamples >= end) count -= 1
  if (count < times.length - 3) return refuse('its edit list ends it early')
  const start = Math.round(first)
  const silenceBefore = start > 0 ? Math.ceil(start / frameSamples) : 0
  const dropped = lone + (start < 0 ? Math.floor(-start / frameSamples) : 0)
  if (dropped >= times.length) return refuse('all of it lies before the start')
  const { sizes } = track.samples
  let bytes = 0
  for (let frame = 0; frame < sizes.length; frame += 1) bytes += sizes[frame] ?? 0
  return {
    passthrough: true,
    sampleRate,
    channels: facts.channels,
    codec: facts.codec,
    frameSamples,
    bitrateBps: Math.round((bytes * 8 * sampleRate) / (times.length * frameSamples)),
    editStartSamples: (silenceBefore - (dropped - lone)) * frameSamples - start,
    dropped,
    silenceBefore,
    sourceFrames: times.length - dropped,
  }
}

/**
 * Fragmented files without edit lists cannot say that sound begins late, so their muxers stretch the first frame, which
 * holds nothing but the encoder's priming, up to the second. It is left out, and silence put there (rule 9).
 */
function isFirstAlone(
  times: Float64Array,
  toSamples: number,
  { frameSamples, sampleRate }: { frameSamples: number; sampleRate: number },
): boolean {
  const gap = ((times[1] ?? 0) - (times[0] ?? 0)) * toSamples - frameSamples
  return times.length > 1 && gap > MAX_DRIFT_SECONDS * sampleRate && gap <= MAX_LONE_SECONDS * sampleRate
}
